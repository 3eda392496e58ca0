"""How far a figure can be trusted: documents are drawn again, and every figure is computed anew from what was drawn.

All of it works on sums (see `metrics.metric`): an array of shape (n, k) has the sums of n documents, in which those of
their papers are added up, since papers of one document are not independent. A resample is a count of how often each
document is drawn, so that one matrix product gives the sums of all resamples, and systems that read the same papers
share what is drawn.
From 5,000 documents on, that many random groups of them are drawn in their place: this changes the width of intervals
by 1 %, as another seed does (benchmarks/evals_scale.md), and keeps time and memory the same for any number of papers.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np

from evals.metrics.metric import Array, Value

#: Resamples, as the literature has them for two decimals.
RESAMPLES = 10_000
#: Most rows of sums.
MOST_GROUPS = 5_000
#: With fewer documents than these no difference is called anything but underpowered: percentile intervals are too
#: narrow then, and tables say so.
FEWEST = 50
#: Two-sided error that is accepted, and power that is asked for.
ALPHA, POWER = 0.05, 0.8
#: In n documents nothing of a kind was met: it is in no more than 3/n of them (rule of three, 95 %, one-sided).
RULE_OF_THREE = 3.0
#: Numbers of a block of resamples; bounds memory.
_BLOCK = 2_000_000
#: Digits that are kept. Sums of the same numbers in another order, as on more cores, differ in later ones.
_DIGITS = 10

Word = Literal["better", "equivalent", "worse", "underpowered"]
Better = Literal["higher", "lower", "neither"]
_Random: TypeAlias = np.random.Generator


@dataclass(frozen=True, slots=True)
class Figure:
    """A value that follows from some of the columns of sums; the column after them counts the papers that add to it."""

    start: int
    size: int
    value: Value
    full: float | None = None
    """The highest value there can be, where the lowest is 0; None where no value is the highest."""

    def of(self, sums: Array) -> Array:
        """Values of shape (...) for sums of shape (..., all columns)."""
        return self.value(sums[..., self.start : self.start + self.size])

    def papers(self, sums: Array) -> int:
        """How many papers add to it, of sums of shape (n, all columns)."""
        return int(sums[:, self.start + self.size].sum())

    def documents(self, sums: Array) -> int:
        """How many rows have such papers."""
        return int(np.count_nonzero(sums[:, self.start + self.size]))


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval; None where the figure, or with a single document the interval, does not exist.

    It is the percentile interval. That shrinks to a point where all documents are at the same end of the scale, and
    says then that an event that was not met can not happen; there the rule of three gives the other bound.
    """

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """How system B differs from A on the same papers: B minus A, in the unit of the metric.

    None where one of them has no figure, and, but for the values, where there is a single document.
    """

    a: float | None
    b: float | None
    value: float | None
    low: float | None
    high: float | None
    """Of the 95 % percentile interval; a point where no paper differs."""
    within: float | None
    """The larger bound of the 90 % interval, without sign: two one-sided tests find A and B no further apart."""
    p: float | None
    """Two-sided: how often a difference as large comes of exchanging A and B in documents at random."""
    error: float | None
    """Standard error of the difference."""
    papers: int
    documents: int


class Groups:
    """Rows in which the sums of papers are added up: one for each document, or one for several when there are many.

    All systems have the same rows; one that says nothing about a document has zeros there.
    """

    def __init__(self, width: int, most: int = MOST_GROUPS) -> None:
        """`width`: how many sums a paper has; `most`: how many rows there are at most."""
        self._width, self._most = width, most
        self._rows: dict[str, int] | None = {}
        self._sums: dict[str, Array] = {}

    def add(self, document: str, sums: Mapping[str, Array]) -> None:
        """Add the sums of a paper, all columns side by side, by the name of the system."""
        row = self._row(document)
        for system, values in sums.items():
            self._with_room(system, row)[row] += values

    @property
    def grouped(self) -> bool:
        """Whether rows are of random groups of documents."""
        return self._rows is None

    @property
    def sums(self) -> dict[str, Array]:
        """By system, in the order in which they were met, each of shape (rows, columns)."""
        count = self._most if self._rows is None else len(self._rows)
        return {system: self._with_room(system, count - 1)[:count] for system in self._sums}

    def _row(self, document: str) -> int:
        if self._rows is not None:
            row = self._rows.setdefault(document, len(self._rows))
            if row < self._most:
                return row
            self._regroup()
        return self._bucket(document)

    def _with_room(self, system: str, row: int) -> Array:
        there = self._sums.get(system)
        if there is None or row >= len(there):
            size = min(self._most, max(64, 2 * row))
            grown = np.zeros((size, self._width))
            if there is not None:
                grown[: len(there)] = there
            self._sums[system] = there = grown
        return there

    def _regroup(self) -> None:
        # Rows are of one document each until now, and of several from here on: which, is as good as random.
        buckets = [self._bucket(document) for document in self._rows or {}][: self._most]
        self._rows = None
        for system, before in self._sums.items():
            grouped = np.zeros((self._most, self._width))
            np.add.at(grouped, buckets[: len(before)], before)
            self._sums[system] = grouped

    def _bucket(self, document: str) -> int:
        return int.from_bytes(blake2b(document.encode(), digest_size=8).digest()) % self._most


def intervals(
    systems: Sequence[Array], figures: Sequence[Figure], *, resamples: int = RESAMPLES, seed: int = 0
) -> list[list[Interval]]:
    """For each system each figure with its interval; all have shape (n, columns), the same documents in each row."""
    drawn = _drawn(systems, figures, resamples, seed)
    return [
        [_interval(sums, figure, values[:, number]) for number, figure in enumerate(figures)]
        for sums, values in zip(systems, drawn, strict=True)
    ]


def differences(
    a: Array, b: Array, figures: Sequence[Figure], *, resamples: int = RESAMPLES, seed: int = 0
) -> list[Difference]:
    """Each figure of B against that of A. Both have shape (n, columns), with the same documents in each row."""
    drawn_a, drawn_b = _drawn((a, b), figures, resamples, seed)
    exchanged = _exchanged(a, b, figures, resamples, seed)
    return [
        _difference(a, b, figure, drawn_b[:, number] - drawn_a[:, number], exchanged[:, number])
        for number, figure in enumerate(figures)
    ]


def holm(values: Sequence[float]) -> list[float]:
    """The p values of one family, each corrected for their number (Holm 1979), in the order given."""
    corrected = [0.0] * len(values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        largest = max(largest, min(1.0, (len(values) - rank) * values[place]))
        corrected[place] = largest
    return corrected


def detectable(error: float, tests: int = 1) -> float:
    """The smallest difference that is found in four of five samples, by its standard error.

    `tests` is the number of metrics in its family: found means at the first, strictest step of Holm's correction.
    """
    normal = NormalDist()
    return error * (normal.inv_cdf(1 - ALPHA / tests / 2) + normal.inv_cdf(POWER))


def enough(documents: int, margin: float) -> bool:
    """Whether so many documents can show that two systems differ by no more than a margin, in points.

    None of n documents that were seen differs much: then up to 3/n of all may, each by the whole scale of 100 points.
    """
    return documents >= FEWEST and 100.0 * RULE_OF_THREE / documents <= margin


def word(difference: Difference, p: float | None, margin: float | None, better: Better) -> Word | None:
    """What a difference says about B, with the `p` that is corrected for its family; `margin` is None without one.

    It is `equivalent` where the 90 % interval is within the margin, whether or not zero is in it, and there are enough
    documents for the margin. None, no verdict: of a metric of which neither more nor less is better, of one without a
    figure, and where nothing was found and no margin says how small a difference would not matter.
    """
    if better == "neither" or difference.value is None:
        return None
    if difference.documents < FEWEST or difference.within is None or p is None:
        return "underpowered"
    if margin is not None and difference.within < margin and enough(difference.documents, margin):
        return "equivalent"
    if p < ALPHA:
        return "better" if (difference.value > 0) == (better == "higher") else "worse"
    return None if margin is None else "underpowered"


def _interval(sums: Array, figure: Figure, drawn: Array) -> Interval:
    value, documents = _finite(figure.of(sums.sum(axis=0))), figure.documents(sums)
    if value is None or documents < 2:
        return Interval(value, None, None)
    low, high = _quantiles(drawn, value, ALPHA / 2, 1 - ALPHA / 2)
    if figure.full is not None and low == high:
        unseen = figure.full * min(1.0, RULE_OF_THREE / documents)
        if value == 0.0:
            high = unseen
        elif value == figure.full:
            low = figure.full - unseen
    return Interval(value, low, high)


def _difference(a: Array, b: Array, figure: Figure, drawn: Array, exchanged: Array) -> Difference:
    papers, documents = figure.papers(a), figure.documents(a)
    of_a, of_b = _finite(figure.of(a.sum(axis=0))), _finite(figure.of(b.sum(axis=0)))
    if of_a is None or of_b is None:
        return Difference(of_a, of_b, None, None, None, None, None, None, papers, documents)
    scale = max(abs(of_a), abs(of_b))
    value = _kept(of_b - of_a, scale)
    if documents < 2:
        return Difference(of_a, of_b, value, None, None, None, None, None, papers, documents)
    low, inner_low, inner_high, high = _quantiles(drawn, scale, ALPHA / 2, ALPHA, 1 - ALPHA, 1 - ALPHA / 2)
    # What has no figure after an exchange is taken for as large as any.
    # Not against the rounded value, which may be larger than every exchange that is as large as what was observed.
    smaller = np.abs(exchanged) < abs(float(of_b - of_a)) - scale * 10.0**-_DIGITS
    return Difference(
        of_a,
        of_b,
        value,
        low,
        high,
        within=max(abs(inner_low), abs(inner_high)),
        p=float((1 + np.count_nonzero(~smaller)) / (1 + len(exchanged))),
        error=_kept(float(np.nanstd(drawn)), scale),
        papers=papers,
        documents=documents,
    )


def _drawn(systems: Sequence[Array], figures: Sequence[Figure], resamples: int, seed: int) -> Array:
    """The figures of all resamples, of shape (systems, resamples, figures)."""
    rng, groups = np.random.default_rng(seed), len(systems[0])
    found = np.empty((len(systems), resamples, len(figures)))
    used = [np.flatnonzero(sums.any(axis=0)) for sums in systems]
    needed = [np.ascontiguousarray(sums[:, columns]) for sums, columns in zip(systems, used, strict=True)]
    for start, stop in _blocks(groups, resamples):
        counts = _counts(rng, stop - start, groups)
        for system, (columns, sums) in enumerate(zip(used, needed, strict=True)):
            totals = np.zeros((stop - start, systems[system].shape[1]))
            totals[:, columns] = counts @ sums
            for number, figure in enumerate(figures):
                found[system, start:stop, number] = figure.of(totals)
    return found


def _counts(rng: _Random, resamples: int, groups: int) -> Array:
    """How often each group is drawn; as `Generator.multinomial`, in a third of the time."""
    drawn = rng.integers(0, groups, size=(resamples, groups))
    drawn += groups * np.arange(resamples)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=resamples * groups)
    return counts.reshape(resamples, groups).astype(np.float64)


def _exchanged(a: Array, b: Array, figures: Sequence[Figure], resamples: int, seed: int) -> Array:
    """The differences when A and B are exchanged in half of the rows, drawn at random; shape (resamples, figures)."""
    # Another stream than that of the counts, which has the same seed.
    rng, change = np.random.default_rng((seed, 1)), b - a
    totals_a, totals_b = a.sum(axis=0), b.sum(axis=0)
    found = np.empty((resamples, len(figures)))
    for start, stop in _blocks(len(a), resamples):
        moved = rng.integers(0, 2, size=(stop - start, len(a)), dtype=np.int8).astype(np.float64) @ change
        for number, figure in enumerate(figures):
            found[start:stop, number] = figure.of(totals_b - moved) - figure.of(totals_a + moved)
    return found


def _blocks(groups: int, resamples: int) -> Iterator[tuple[int, int]]:
    size = max(1, _BLOCK // groups)
    for start in range(0, resamples, size):
        yield start, min(start + size, resamples)


def _quantiles(drawn: Array, scale: float, *shares: float) -> list[float]:
    # Resamples without any paper that the figure is of have none.
    return [_kept(float(value), scale) for value in np.nanquantile(drawn, shares)]


def _finite(value: Array) -> float | None:
    return _kept(float(value), float(value)) if np.isfinite(value) else None


def _kept(value: float, scale: float) -> float:
    """The digits of a value that are kept, counted from the first of the scale."""
    return round(value, _DIGITS - 1 - math.floor(math.log10(abs(scale)))) if scale else value
