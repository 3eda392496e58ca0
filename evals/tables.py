"""Samples become a table: for each system and metric a value with its interval, and of how many papers it is."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from evals.metrics import FEWER, METRICS
from evals.metrics.metric import Array, Metric, Sums
from evals.samples import MODEL, PEOPLE, SAMPLES, Sample
from evals.statistics import RESAMPLES, Figure, Groups, differences, intervals
from summarizer.extension import Frozen, InputError


class Cell(Frozen):
    """A value with its 95 % interval; null where there is none (see `statistics.Interval`)."""

    value: float | None
    low: float | None
    high: float | None
    papers: int
    """That it was measured on."""


class Row(Frozen):
    """One system."""

    system: str
    cells: dict[str, Cell]
    """By the name of the metric; those that nothing could be measured for are left out."""
    saturated: tuple[str, ...] = ()
    """Metrics in which it is beyond people against people: more of them means nothing. On the papers with several
    targets and against one fewer of them, as people are, the 95 % interval of the difference is above zero."""


class Table(Frozen):
    """All systems on the same papers."""

    suite: str
    papers: int
    rows: tuple[Row, ...]


class Columns:
    """Where the sums of each metric stand in a row of numbers, each with a column that counts papers."""

    def __init__(self, metrics: Sequence[Metric] = METRICS) -> None:
        """One after the other; metrics with the same sums share them."""
        self.metrics = tuple(metrics)
        self._sizes = {metric.sums: metric.size for metric in metrics}
        self._sizes |= {FEWER[metric.name]: metric.size for metric in metrics if metric.name in FEWER}
        starts = np.cumsum([0, *(size + 1 for size in self._sizes.values())])
        self._starts = dict(zip(self._sizes, map(int, starts), strict=False))
        self.width = int(starts[-1])
        self.figures = tuple(_figure(metric, self._starts[metric.sums]) for metric in metrics)
        self.fewer = {
            metric.name: _figure(metric, self._starts[FEWER[metric.name]]) for metric in metrics if metric.name in FEWER
        }
        """As people have them, by the name of the metric."""

    def of(self, sums: Sums) -> Array:
        """The row of a paper. `InputError` for sums that no metric has: a file may be of another version, or broken."""
        row = np.zeros(self.width)
        for name, values in sums.items():
            size = self._sizes.get(name)
            if size != len(values):
                advice = "the same `summarizer eval` as before writes them again from its records"
                raise InputError(SAMPLES, f"its sums {name!r} are not those of this version; {advice}")
            start = self._starts[name]
            row[start : start + size] = values
            row[start + size] = 1.0
        if not np.isfinite(row).all():
            raise InputError(SAMPLES, "has sums that are not finite numbers, which `summarizer eval` never writes")
        return row


def make_table(suite: str, samples: Iterable[Sample], *, resamples: int = RESAMPLES, seed: int = 0) -> Table:
    """Add up and draw again; the system under test comes first, the others in the order in which they are met.

    Memory does not grow with the samples beyond `statistics.MOST_GROUPS` documents. `InputError` as in `Columns.of`.
    """
    columns = Columns()
    groups = Groups(columns.width)
    papers = 0
    for papers, sample in enumerate(samples, start=1):  # noqa: B007 - it is the count
        groups.add(sample.document, {system: columns.of(said.sums) for system, said in sample.systems.items()})
    sums = {MODEL: np.zeros((1, columns.width))} | groups.sums
    cells = _cells(columns, list(sums.values()), resamples, seed)
    rows = tuple(
        Row(system=system, cells=found, saturated=_saturated(columns, sums, system, resamples, seed))
        for system, found in zip(sums, cells, strict=True)
    )
    return Table(suite=suite, papers=papers, rows=rows)


def _saturated(
    columns: Columns, systems: Mapping[str, Array], system: str, resamples: int, seed: int
) -> tuple[str, ...]:
    people = systems.get(PEOPLE)
    names = [name for name, figure in columns.fewer.items() if figure.papers(systems[system])]
    if people is None or system == PEOPLE or not names:
        return ()
    figures = [columns.fewer[name] for name in names]
    found = differences(people, systems[system], figures, resamples=resamples, seed=seed)
    return tuple(name for name, one in zip(names, found, strict=True) if one.low is not None and one.low > 0.0)


def _figure(metric: Metric, start: int) -> Figure:
    return Figure(start, metric.size, metric.value, 100.0 if metric.unit == "points" else None)


def _cells(columns: Columns, systems: Sequence[Array], resamples: int, seed: int) -> list[dict[str, Cell]]:
    measured = [
        (metric, figure)
        for metric, figure in zip(columns.metrics, columns.figures, strict=True)
        if any(figure.papers(sums) for sums in systems)
    ]
    found = intervals(systems, [figure for _, figure in measured], resamples=resamples, seed=seed)
    return [
        {
            metric.name: Cell(value=one.value, low=one.low, high=one.high, papers=papers)
            for (metric, figure), one in zip(measured, each, strict=True)
            if (papers := figure.papers(sums))
        }
        for sums, each in zip(systems, found, strict=True)
    ]
