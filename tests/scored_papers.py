"""Invented papers, what people say of them and what a system says, for tests of metrics."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from evals.examples import Example, Gold, GoldName, Prediction
from evals.metrics import METRICS
from summarizer import Paper, Record
from summarizer.records import Evidence, Mention, Method, Provenance, Source, Tag, Tldr, Tokens

SENTENCES = (
    "Streams are hard to measure in winter.",
    "We present BrookNet, a network that guesses the depth of streams from sound.",
    "It reaches 81.4% accuracy on PebbleBed.",
)


def example(
    number: int = 1, title: str = "BrookNet: Hearing Depth", sentences: Sequence[str] = SENTENCES, **gold: object
) -> Example:
    """A paper with the gold that is given."""
    paper = Paper(
        id=f"paper-{number}",
        title=title,
        abstract=" ".join(sentences),
        source=Source(name="papers.jsonl", line=number),
    )
    return Example(paper=paper, gold=Gold.model_validate(gold), sentences=tuple(sentences), document=paper.id)


def names(**kinds: Iterable[str]) -> dict[str, tuple[GoldName, ...]]:
    """Gold names; `BrookNet|BN` has an alias, and `?ImageBank` is not stated."""
    return {kind: tuple(map(_name, written)) for kind, written in kinds.items()}


def _name(written: str) -> GoldName:
    name, *aliases = written.removeprefix("?").split("|")
    return GoldName(name=name, aliases=tuple(aliases), stated=not written.startswith("?"))


def record(of: Example, **fields: object) -> Record:
    """The record of a paper: answered, unless the fields say otherwise."""
    given: dict[str, object] = {
        **of.paper.model_dump(),
        "status": "ok",
        "tldr": Tldr(text="A network hears how deep streams are."),
        "contribution": "method",
        "provenance": provenance(),
    }
    return Record.model_validate(given | fields)


def provenance(**fields: object) -> Provenance:
    """Where an answer comes from."""
    given: dict[str, object] = {
        "key": "k", "backend": "scripted", "model": "m", "revision": None, "adapter": None, "dtype": None,
        "prompt": "annotate/v1", "prompt_sha256": "p", "schema_sha256": "s", "language": "English",
        "abstract_sha256": "a", "structured_mode": "json_schema", "attempts": 1, "tokens": Tokens(), "cost_usd": None,
        "cached": False, "seconds": 2.0, "created_at": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    return Provenance.model_validate(given | fields)


def evidence(quote: str, match: str = "exact") -> Evidence:
    """Words, and whether the paper has them."""
    return Evidence.model_validate({"quote": quote, "match": match})


def method(name: str, match: str = "exact") -> Method:
    """A method that a record names."""
    return Method(name=name, role="proposed", evidence=evidence(name, match))


def mention(name: str, match: str = "exact") -> Mention:
    """A data set or a metric that a record names."""
    return Mention(name=name, evidence=evidence(name, match))


def tag(words: str, label: str, facet: str = "task") -> Tag:
    """A tag of a record."""
    return Tag.model_validate({"facet": facet, "label": label, "mention": words, "evidence": evidence(words)})


def value(name: str, papers: Iterable[Mapping[str, tuple[float, ...]]]) -> float:
    """The figure of a metric over papers."""
    metric = next(metric for metric in METRICS if metric.name == name)
    rows = [paper[metric.sums] for paper in papers if metric.sums in paper]
    return float(metric.value(np.array(rows).reshape(-1, metric.size).sum(axis=0)))


def naming(**kinds: Iterable[str]) -> Prediction:
    """What a system says that finds names and nothing else."""
    return Prediction.model_validate({"names": {kind: tuple(written) for kind, written in kinds.items()}})
