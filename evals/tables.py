"""Samples become a table: for each system and metric a value with its interval, and of how many papers it is."""

from collections.abc import Iterable, Sequence

import numpy as np

from evals.metrics import METRICS
from evals.metrics.metric import Array, Metric, Sums
from evals.samples import MODEL, Sample
from evals.statistics import Figure, Groups, intervals
from summarizer.extension import Frozen


class Cell(Frozen):
    """A value with its 95 % interval; all null where there is nothing to measure."""

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
        starts = np.cumsum([0, *(size + 1 for size in self._sizes.values())])
        self._starts = dict(zip(self._sizes, map(int, starts), strict=False))
        self.width = int(starts[-1])
        self.figures = tuple(Figure(self._starts[metric.sums], metric.size, metric.value) for metric in metrics)

    def of(self, sums: Sums) -> Array:
        """The row of a paper."""
        row = np.zeros(self.width)
        for name, values in sums.items():
            start = self._starts[name]
            row[start : start + len(values)] = values
            row[start + self._sizes[name]] = 1.0
        return row

    def papers(self, metric: Metric, totals: Array) -> int:
        """How many papers add to a metric."""
        return int(totals[self._starts[metric.sums] + metric.size])


def make_table(suite: str, samples: Iterable[Sample], seed: int = 0) -> Table:
    """Add up and draw again; the system under test comes first, the others in the order in which they are met."""
    columns = Columns()
    groups: dict[str, Groups] = {MODEL: Groups(columns.width)}
    papers = 0
    for papers, sample in enumerate(samples, start=1):  # noqa: B007 - it is the count
        for system, said in sample.systems.items():
            if system not in groups:
                groups[system] = Groups(columns.width)
            groups[system].add(sample.document, columns.of(said.sums))
    rows = tuple(Row(system=system, cells=_cells(columns, found.sums, seed)) for system, found in groups.items())
    return Table(suite=suite, papers=papers, rows=rows)


def _cells(columns: Columns, sums: Array, seed: int) -> dict[str, Cell]:
    totals = sums.sum(axis=0)
    found = zip(columns.metrics, intervals(sums, columns.figures, seed), strict=True)
    return {
        metric.name: Cell(value=one.value, low=one.low, high=one.high, papers=columns.papers(metric, totals))
        for metric, one in found
        if columns.papers(metric, totals)
    }
