"""Is B better than A? Two runs on the same papers, metric by metric, and the papers on which they differ most.

A is the old run and B the new one: differences are B minus A, and the word of a metric is about B. Each metric is
compared on the papers for which both have it. So an error on the way counts in coverage, and nowhere else.
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from evals.examples import Gold, Prediction
from evals.metrics import METRICS, NAMED
from evals.metrics.metric import Array, Metric, Sums
from evals.pairing import Pairs
from evals.runs import Run, RunFolder, suites_of
from evals.samples import MODEL, Sample
from evals.statistics import ALPHA, RESAMPLES, Difference, Groups, Word, detectable, differences, holm, word
from evals.tables import Columns
from summarizer.extension import Frozen, InputError, SettingsError

#: Differences in points that do not matter, unless another margin is given.
MARGIN: Final = 2.0
#: Papers that are shown side by side.
SHOWN: Final = 5


class Compared(Frozen):
    """One metric of a suite: B against A. What does not exist is null."""

    metric: str
    title: str
    unit: str
    better: str
    """Whether more is better: higher, lower, or neither."""
    a: float | None
    b: float | None
    difference: float | None
    """B minus A."""
    low: float | None
    high: float | None
    """Of the 95 % interval of the difference."""
    p: float | None
    p_holm: float | None
    """Corrected for the metrics of its family that were compared in this suite."""
    family: str
    """Empty for a metric that is a question of its own."""
    detectable: float | None
    """The smallest difference that so many papers show in four of five cases, after the correction.

    Null where no paper differs: how much differences spread was not seen.
    """
    papers: int
    documents: int
    """That these papers are from, or the groups of them that are drawn (`SuiteComparison.grouped`); more papers of one
    document make no interval narrower."""
    word: Word | None
    """About B; null is no verdict."""


class Moved(Frozen):
    """A paper on which the two differ, with what both say."""

    id: str
    title: str
    a: float
    b: float
    """The metric of this paper alone."""
    said_a: Prediction
    said_b: Prediction
    gold: Gold


class Changed(Frozen):
    """One thing in which what made the two runs differs."""

    name: str
    a: str
    b: str


class SuiteComparison(Frozen):
    """One suite."""

    suite: str
    a: Run
    b: Run
    changed: tuple[Changed, ...]
    """What made the runs and differs; empty for two runs of the same."""
    warnings: tuple[str, ...]
    """What keeps the two from being runs on the same data."""
    papers: int
    """That both have; nothing else is of other papers."""
    only_a: int
    only_b: int
    other_abstract: int
    """Papers that only one has, and those that have another abstract in the other."""
    answered_a: int
    answered_b: int
    """Of the papers that both have, those that only this one answered."""
    grouped: bool
    """Whether there are so many documents that random groups of them are drawn in their place."""
    metrics: tuple[Compared, ...]
    moved_by: str | None
    """The metric by which papers moved."""
    moved: tuple[Moved, ...]
    """Those that moved most, the largest move first."""


class Comparison(Frozen):
    """Two runs."""

    a: str
    b: str
    """Names of their folders."""
    margin: float
    """Differences in points that do not matter."""
    alpha: float
    resamples: int
    warnings: tuple[str, ...]
    """Suites that only one has."""
    suites: tuple[SuiteComparison, ...]


def compare(
    a: Path,
    b: Path,
    *,
    margin: float = MARGIN,
    metric: str | None = None,
    show: int = SHOWN,
    resamples: int = RESAMPLES,
) -> Comparison:
    """Compare two folders of `summarizer eval`; `show` papers of each suite that moved most, by `metric`.

    Without one, papers are shown by the first metric that belongs to a family. Memory does not depend on the number of
    papers but for 16 bytes each. `InputError` when the runs have no suite or no paper in common, `SettingsError` when
    there is no such metric.
    """
    if metric is not None and metric not in NAMED:
        raise SettingsError(f"there is no metric {metric!r}; choose from {', '.join(NAMED)}")
    of_a, of_b = list(suites_of(a)), list(suites_of(b))
    both = [suite for suite in of_a if suite in of_b]
    if not both:
        raise InputError(str(b), f"has {_listed(of_b)}, and {a} has {_listed(of_a)}; compare runs of the same suite")
    alone = [(a, suite) for suite in of_a if suite not in both] + [(b, suite) for suite in of_b if suite not in both]
    wanted = [NAMED[metric]] if metric is not None else [one for one in METRICS if one.family]
    return Comparison(
        a=a.resolve().name,
        b=b.resolve().name,
        margin=margin,
        alpha=ALPHA,
        resamples=resamples,
        warnings=tuple(f"only {folder.resolve().name} has the suite {suite}" for folder, suite in alone),
        suites=tuple(
            _compare_suite(RunFolder(a, suite), RunFolder(b, suite), _Movers(wanted, show), margin, resamples)
            for suite in both
        ),
    )


def _compare_suite(a: RunFolder, b: RunFolder, movers: "_Movers", margin: float, resamples: int) -> SuiteComparison:
    run_a, run_b = a.read_run(), b.read_run()
    columns, answered = Columns(), _Answered()
    groups, pairs = Groups(columns.width), Pairs(a.samples, b.samples)
    for sample, other in pairs:
        sums_a, sums_b = _shared(sample, other)
        groups.add(sample.document, {"a": columns.of(sums_a), "b": columns.of(sums_b)})
        answered.add(sample, other)
        movers.add(sample, other, sums_a, sums_b)
    if not pairs.papers:
        raise InputError(str(b.samples), f"has no paper in common with {a.samples}; evaluate both on the same data")
    moved_by, moved = movers.most()
    return SuiteComparison(
        suite=run_a.data.suite,
        a=run_a,
        b=run_b,
        changed=_changed(run_a, run_b),
        warnings=_warnings(run_a, run_b),
        papers=pairs.papers,
        only_a=pairs.only_a,
        only_b=pairs.only_b,
        other_abstract=pairs.changed,
        answered_a=answered.only_a,
        answered_b=answered.only_b,
        grouped=groups.grouped,
        metrics=compare_sums(columns, groups.sums["a"], groups.sums["b"], margin, resamples),
        moved_by=moved_by,
        moved=moved,
    )


def compare_sums(
    columns: Columns, a: Array, b: Array, margin: float = MARGIN, resamples: int = RESAMPLES
) -> tuple[Compared, ...]:
    """All metrics that both have, from their sums of shape (documents, columns), the same documents in each row."""
    measured = [
        (metric, figure)
        for metric, figure in zip(columns.metrics, columns.figures, strict=True)
        if figure.papers(a) and figure.papers(b)
    ]
    found = differences(a, b, [figure for _, figure in measured], resamples=resamples)
    metrics = [metric for metric, _ in measured]
    return tuple(
        _compared(metric, difference, p_holm, tests, margin)
        for metric, difference, (p_holm, tests) in zip(metrics, found, _corrected(metrics, found), strict=True)
        # A figure may have papers and no value, such as the F1 of what nobody said and nobody wanted.
        if difference.a is not None or difference.b is not None
    )


def _compared(metric: Metric, found: Difference, p_holm: float | None, tests: int, margin: float) -> Compared:
    return Compared(
        metric=metric.name,
        title=metric.title,
        unit=metric.unit,
        better=metric.better,
        a=found.a,
        b=found.b,
        difference=found.value,
        low=found.low,
        high=found.high,
        p=found.p,
        p_holm=p_holm,
        family=metric.family,
        detectable=detectable(found.error, tests) if found.error else None,
        papers=found.papers,
        documents=found.documents,
        word=word(found, p_holm, margin if metric.unit == "points" else None, metric.better),
    )


def _corrected(metrics: Sequence[Metric], found: Sequence[Difference]) -> list[tuple[float | None, int]]:
    """For each metric its corrected p, and for how many it was corrected."""
    corrected: list[tuple[float | None, int]] = [(one.p, 1) for one in found]
    for family in {metric.family for metric in metrics if metric.family}:
        there = {
            place: one.p
            for place, (metric, one) in enumerate(zip(metrics, found, strict=True))
            if metric.family == family and one.p is not None
        }
        for place, p in zip(there, holm(list(there.values())), strict=True):
            corrected[place] = (p, len(there))
    return corrected


class _Answered:
    """Counts papers that only one of the two answered, readable or not."""

    def __init__(self) -> None:
        self.only_a = self.only_b = 0

    def add(self, sample: Sample, other: Sample) -> None:
        by_a, by_b = (one.outcome in {"answered", "fault"} for one in (sample, other))
        self.only_a += by_a and not by_b
        self.only_b += by_b and not by_a


class _Movers:
    """Keeps the papers that moved most, for each metric by which they may be shown."""

    def __init__(self, metrics: Iterable[Metric], most: int) -> None:
        self._most = most
        #: Size of the move; minus the number of the paper, so that the earlier one goes first; the paper.
        self._kept: dict[Metric, list[tuple[float, int, Moved]]] = {metric: [] for metric in metrics}
        self._number = 0

    def add(self, sample: Sample, other: Sample, sums_a: Sums, sums_b: Sums) -> None:
        self._number += 1
        for metric, kept in self._kept.items():
            if metric.sums not in sums_a:
                continue
            of_a, of_b = (float(metric.value(np.array(sums[metric.sums]))) for sums in (sums_a, sums_b))
            # Of one paper alone there may be no figure, which is not a number. Last digits make no order.
            size = round(abs(of_b - of_a), 9)
            if size > 0.0 and (len(kept) < self._most or (kept and size > kept[0][0])):
                push = heapq.heappush if len(kept) < self._most else heapq.heappushpop
                push(kept, (size, -self._number, _moved(sample, other, of_a, of_b)))

    def most(self) -> tuple[str | None, tuple[Moved, ...]]:
        """The first metric by which any paper moved, and these papers."""
        for metric, kept in self._kept.items():
            if kept:
                return metric.name, tuple(moved for *_, moved in sorted(kept, key=lambda one: one[:2], reverse=True))
        return None, ()


def _moved(sample: Sample, other: Sample, of_a: float, of_b: float) -> Moved:
    said_a, said_b = (one.systems[MODEL].prediction for one in (sample, other))
    return Moved(id=sample.id, title=sample.title, a=of_a, b=of_b, said_a=said_a, said_b=said_b, gold=sample.gold)


def _shared(sample: Sample, other: Sample) -> tuple[Sums, Sums]:
    """What both add to the figures for which both add something."""
    sums_a, sums_b = (one.systems[MODEL].sums if MODEL in one.systems else {} for one in (sample, other))
    return _only(sums_a, sums_b), _only(sums_b, sums_a)


def _only(sums: Sums, others: Mapping[str, object]) -> Sums:
    return {name: values for name, values in sums.items() if name in others}


def _changed(a: Run, b: Run) -> tuple[Changed, ...]:
    fields = type(a.made).model_fields
    values = ((name, getattr(a.made, name), getattr(b.made, name)) for name in fields)
    return tuple(Changed(name=name, a=_shown(old), b=_shown(new)) for name, old, new in values if old != new)


def _warnings(a: Run, b: Run) -> tuple[str, ...]:
    found = []
    if a.data.split != b.data.split:
        found.append(f"the splits differ: {a.data.split} and {b.data.split}")
    if a.data.sha256 != b.data.sha256:
        found.append(f"the data differ: checksums {a.data.sha256[:12]} and {b.data.sha256[:12]}")
    if a.data.limit != b.data.limit:
        found.append(f"the limits differ: {_shown(a.data.limit)} and {_shown(b.data.limit)}")
    if a.made.version != b.made.version:
        found.append(f"measured by other versions of summarizer: {a.made.version} and {b.made.version}")
    return tuple(found)


def _shown(value: object) -> str:
    return "none" if value is None else str(value)


def _listed(suites: Sequence[str]) -> str:
    return f"the suite{'s' if len(suites) > 1 else ''} {', '.join(suites)}"
