"""Which papers are changed, and how: the same for the same examples and the same seed, in whatever order they stand."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np

from evals.counterfactuals.change import CHANGE_KINDS, Change, ChangeKind, changed
from evals.counterfactuals.names import NameKind, change_name, pools
from evals.counterfactuals.negations import change_negation
from evals.counterfactuals.numbers import change_number
from evals.counterfactuals.reformatting import reformatted
from evals.examples import Example
from summarizer import Paper
from summarizer.extension import Frozen


class Pair(Frozen):
    """A paper and what it becomes."""

    original: Paper
    changed: Paper
    change: Change


class Restyled(Frozen):
    """A paper, and the same one in another form."""

    original: Paper
    changed: Paper
    style: str


def make_pairs(examples: Sequence[Example], count: int, seed: int = 0) -> list[Pair]:
    """At most `count` pairs of each kind, of as many papers: one paper has at most one of a kind."""
    examples = _distinct(examples)
    pool = pools(examples)
    found: list[Pair] = []
    for kind in CHANGE_KINDS:
        made: list[Pair] = []
        for example in sorted(examples, key=lambda one: _number(seed, kind, one.paper.id)):
            if len(made) == count:
                break
            rng = np.random.default_rng(_number(seed, "change", kind, example.paper.id))
            if (change := _change(kind, example, pool, rng)) is not None:
                paper = example.paper
                made.append(Pair(original=paper, changed=changed(paper, change, f"{paper.id}~{kind}"), change=change))
        found += made
    return found


def make_restyled(papers: Sequence[Paper], count: int, seed: int = 0) -> list[Restyled]:
    """At most `count` of the papers, each in another form."""
    found: list[Restyled] = []
    for paper in sorted(papers, key=lambda one: _number(seed, "style", one.id)):
        if len(found) == count:
            break
        rng = np.random.default_rng(_number(seed, "styled", paper.id))
        if (one := reformatted(paper, rng)) is not None:
            found.append(Restyled(original=paper, changed=one[1], style=one[0]))
    return found


def _change(
    kind: ChangeKind, example: Example, pool: Mapping[NameKind, Sequence[str]], rng: np.random.Generator
) -> Change | None:
    match kind:
        case "number":
            return change_number(example.paper, rng)
        case "negation":
            return change_negation(example.paper, rng)
        case "dataset" | "method":
            return change_name(example, kind, pool, rng)


def _distinct(examples: Sequence[Example]) -> list[Example]:
    # Some data sets have a paper twice; records are found by the id.
    return list({example.paper.id: example for example in examples}.values())


def _number(seed: int, *words: str) -> int:
    return int.from_bytes(blake2b("\0".join((str(seed), *words)).encode(), digest_size=8).digest())
