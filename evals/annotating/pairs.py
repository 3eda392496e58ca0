"""Two runs become pairs: papers of which both say something, and not the same, those that differ most first."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from heapq import nlargest
from itertools import zip_longest
from json import dumps
from pathlib import Path

import numpy as np

from evals.examples import Gold
from evals.metrics import METRICS
from evals.metrics.metric import Sums
from evals.metrics.summary import rouge
from evals.runs import RunFolder, suites_of
from evals.samples import MODEL, Sample, read_samples
from summarizer import Record, read_records
from summarizer.extension import InputError, SettingsError


@dataclass(frozen=True, slots=True)
class Pair:
    """One paper with what two runs say about it."""

    key: str
    """Made of the paper and of both summaries: with another answer it is another pair."""
    suite: str
    id: str
    title: str
    abstract: str
    document: str
    gold: Gold
    a: Record
    b: Record
    difference: float
    """How far apart they are, at least 0; see `difference`."""

    def summary(self, run: str) -> str:
        """What run `a` or `b` says."""
        tldr = (self.a if run == "a" else self.b).tldr
        return tldr.text if tldr else ""


@dataclass(frozen=True, slots=True)
class Pairs:
    """What is to be labelled, and what is not."""

    chosen: tuple[Pair, ...]
    """Those that differ most come first."""
    alike: int
    """Papers of which both runs say the same."""
    unanswered: int
    """Papers of which one says nothing: that is counted by the tables, and needs no opinion."""


@dataclass(frozen=True, slots=True)
class _Side:
    sample: Sample
    record: Record

    @property
    def summary(self) -> str:
        """Empty when there is no answer."""
        tldr = self.record.tldr
        return tldr.text.strip() if tldr and self.sample.outcome == "answered" else ""

    @property
    def sums(self) -> Sums:
        return self.sample.systems[MODEL].sums


def common_suite(one: Path, other: Path, wanted: str | None) -> str:
    """The suite to compare; `SettingsError` when it has to be said which."""
    there = [suite for suite in suites_of(one) if suite in set(suites_of(other))]
    if wanted is not None:
        if wanted not in there:
            raise SettingsError(f"not both runs have the suite {wanted!r}; both have {', '.join(there) or 'none'}")
        return wanted
    if len(there) != 1:
        advice = f"choose one with --suite: {', '.join(there)}" if there else "evaluate both on the same one"
        raise SettingsError(f"the runs have {len(there)} suites in common; {advice}")
    return there[0]


def read_pairs(one: Path, other: Path, suite: str, limit: int) -> Pairs:
    """The `limit` pairs that differ most; memory is for these only. `InputError` when the runs are of other papers."""
    counts = {"alike": 0, "unanswered": 0}

    def different() -> Iterator[Pair]:
        for a, b in zip_longest(_sides(RunFolder(one, suite)), _sides(RunFolder(other, suite))):
            if a is None or b is None:
                raise InputError(str(other), f"has not as many papers as {one}; evaluate both on the same")
            if (a.sample.id, a.sample.abstract) != (b.sample.id, b.sample.abstract):
                raise InputError(str(other), f"is not of the papers of {one}: {b.sample.id!r} differs")
            if not (a.summary and b.summary):
                counts["unanswered"] += 1
            elif a.summary.split() == b.summary.split():
                counts["alike"] += 1
            else:
                yield _pair(suite, a, b)

    chosen = nlargest(limit, different(), key=lambda pair: (pair.difference, pair.key))
    # A paper that stands twice in the data is asked about once.
    return Pairs(tuple({pair.key: pair for pair in chosen}.values()), **counts)


def difference(a: str, b: str, sums_a: Sums, sums_b: Sums) -> float:
    """Words that the summaries do not share (1 - ROUGE-1 of one against the other), plus the mean gap of the metrics.

    Both are between 0 and 1. Metrics count that are scores of this paper for both; without gold few are, and the words
    decide.
    """
    gaps = []
    for metric in METRICS:
        if metric.unit == "points" and metric.better != "neither" and metric.sums in sums_a and metric.sums in sums_b:
            gap = metric.value(np.asarray(sums_a[metric.sums])) - metric.value(np.asarray(sums_b[metric.sums]))
            gaps.append(abs(float(gap)) / 100.0)
    there = [gap for gap in gaps if np.isfinite(gap)]
    return 1.0 - rouge(a, [b])["rouge1"] + (sum(there) / len(there) if there else 0.0)


def pair_key(sample: Sample, a: str, b: str) -> str:
    """The key of a paper with what two runs say about it, without white space around it."""
    content = [sample.id, sample.title, sample.abstract, a, b]
    return sha256(dumps(content).encode()).hexdigest()[:32]


def _pair(suite: str, a: _Side, b: _Side) -> Pair:
    sample = a.sample
    return Pair(
        key=pair_key(sample, a.summary, b.summary),
        suite=suite,
        id=sample.id,
        title=sample.title,
        abstract=sample.abstract,
        document=sample.document,
        gold=sample.gold,
        a=a.record,
        b=b.record,
        difference=difference(a.summary, b.summary, a.sums, b.sums),
    )


def _sides(folder: RunFolder) -> Iterator[_Side]:
    folder.read_run()  # which is there when the evaluation is finished
    for sample, record in zip(read_samples(folder.samples), read_records(folder.records), strict=False):
        if sample.id != record.id:
            raise InputError(str(folder.samples), f"is not of {folder.records}; run `summarizer eval` again")
        yield _Side(sample, record)
