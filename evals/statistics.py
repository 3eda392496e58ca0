"""How far a figure can be trusted: papers are drawn again, and what is drawn together is resampled together.

All of it works on sums (see `metrics.metric`): an array of shape (n, k) has the sums of n papers. Resamples are counts
of how often each paper is drawn, so that one matrix product gives the sums of all resamples. Papers of one document are
added up first. From 10,000 documents on, that many random groups of them are drawn in their place, which changes the
intervals by less than the drawing does and keeps time and memory the same for any number of papers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

import numpy as np
from scipy.stats import norm

from evals.metrics.metric import Array, Value

#: Resamples, as the literature has them for two decimals.
RESAMPLES = 10_000
#: Most rows of sums.
MOST_GROUPS = 10_000
#: Numbers of a block of resamples; bounds memory.
_BLOCK = 2_000_000
#: Two-sided error that is accepted, and power that is asked for.
ALPHA, POWER = 0.05, 0.8

Word = Literal["better", "equivalent", "worse", "underpowered"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A value that follows from some of the columns of sums."""

    start: int
    size: int
    value: Value

    def of(self, sums: Array) -> Array:
        """Values of shape (...) for sums of shape (..., all columns)."""
        return self.value(sums[..., self.start : self.start + self.size])


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % percentile interval; None where the figure does not exist."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """How two systems differ on the same papers: A minus B, in the unit of the metric; None where one has no figure."""

    a: float | None
    b: float | None
    value: float | None
    low: float | None
    high: float | None
    """Of the 95 % interval."""
    within: float | None
    """The larger bound of the 90 % interval, without sign: two one-sided tests find A and B no further apart."""
    p: float | None
    """Two-sided: how often a difference as large comes of exchanging A and B in papers at random."""
    detectable: float | None
    """The smallest difference that so many papers show in four of five cases."""
    papers: int


class Groups:
    """Rows in which the sums of papers are added up: one for each document, or one for several when there are many."""

    def __init__(self, width: int) -> None:
        """`width`: how many sums a paper has."""
        self._width = width
        self._rows: dict[str, int] | None = {}
        self._sums = np.zeros((64, width))
        self.papers = 0

    def add(self, document: str, sums: Array) -> None:
        """Add the sums of a paper, all columns side by side."""
        self.papers += 1
        if self._rows is None:
            self._sums[_bucket(document)] += sums
            return
        row = self._rows.setdefault(document, len(self._rows))
        if row == MOST_GROUPS:
            self._regroup()
            self._sums[_bucket(document)] += sums
            return
        if row == len(self._sums):
            self._sums = np.concatenate([self._sums, np.zeros_like(self._sums)])
        self._sums[row] += sums

    @property
    def sums(self) -> Array:
        """Shape (groups, columns); groups without any paper are left out."""
        return self._sums[: len(self._rows)] if self._rows is not None else self._sums

    def _regroup(self) -> None:
        rows, before = self._rows or {}, self._sums
        self._sums = np.zeros((MOST_GROUPS, self._width))
        for document, row in rows.items():
            if row < MOST_GROUPS:
                self._sums[_bucket(document)] += before[row]
        self._rows = None


def intervals(sums: Array, figures: Sequence[Figure], seed: int = 0) -> list[Interval]:
    """Each figure with its interval. `sums` has shape (groups, columns)."""
    if not len(sums):
        return [Interval(None, None, None) for _ in figures]
    totals = sums.sum(axis=0)
    drawn = _drawn(sums, figures, seed)
    found = []
    for number, figure in enumerate(figures):
        value = _finite(figure.of(totals))
        low, high = _quantiles(drawn[:, number], ALPHA / 2, 1 - ALPHA / 2) if value is not None else (None, None)
        found.append(Interval(value, low, high))
    return found


def differences(a: Array, b: Array, figures: Sequence[Figure], papers: int, seed: int = 0) -> list[Difference]:
    """Each figure of A against that of B. Both have shape (groups, columns), with the same documents in each row."""
    if not len(a):
        return [Difference(None, None, None, None, None, None, None, None, papers) for _ in figures]
    both = np.concatenate([a, b], axis=1)
    second = [Figure(figure.start + a.shape[1], figure.size, figure.value) for figure in figures]
    drawn = _drawn(both, figures, seed) - _drawn(both, second, seed)
    exchanged = _exchanged(a, b, figures, seed)
    totals_a, totals_b = a.sum(axis=0), b.sum(axis=0)
    found = []
    for number, figure in enumerate(figures):
        value_a, value_b = _finite(figure.of(totals_a)), _finite(figure.of(totals_b))
        if value_a is None or value_b is None:
            found.append(Difference(value_a, value_b, None, None, None, None, None, None, papers))
            continue
        value, resampled = value_a - value_b, drawn[:, number]
        low, high = _quantiles(resampled, ALPHA / 2, 1 - ALPHA / 2)
        inner = _quantiles(resampled, ALPHA, 1 - ALPHA)
        # Sums of the same numbers in another order differ in the last digits.
        as_large = np.abs(exchanged[:, number]) >= abs(value) - 1e-9
        found.append(
            Difference(
                value_a,
                value_b,
                value,
                low,
                high,
                within=max(abs(bound) for bound in inner if bound is not None),
                p=float((1 + as_large.sum()) / (1 + RESAMPLES)),
                detectable=float((norm.ppf(1 - ALPHA / 2) + norm.ppf(POWER)) * np.nanstd(resampled)),
                papers=papers,
            )
        )
    return found


def holm(values: Sequence[float]) -> list[float]:
    """The p values of one family, each corrected for their number (Holm 1979), in the order given."""
    corrected = [0.0] * len(values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        largest = max(largest, min(1.0, (len(values) - rank) * values[place]))
        corrected[place] = largest
    return corrected


def word(difference: Difference, p: float, margin: float, *, higher_is_better: bool) -> Word:
    """What a difference in points says about A, with the `p` that is corrected for its family.

    It is `equivalent` where the 90 % interval is within the margin, whether or not zero is in it, and papers are enough
    to have met what happens in a share of them as large as the margin: with none in n, up to 3/n may be otherwise (rule
    of three), and each of those by the whole scale.
    """
    if difference.value is None or difference.within is None:
        return "underpowered"
    if difference.within < margin and 300.0 / difference.papers <= margin:
        return "equivalent"
    if p < ALPHA:
        return "better" if (difference.value > 0) == higher_is_better else "worse"
    return "underpowered"


def _drawn(sums: Array, figures: Sequence[Figure], seed: int) -> Array:
    """The figures of all resamples, of shape (RESAMPLES, figures)."""
    rng, groups = np.random.default_rng(seed), len(sums)
    drawn = np.empty((RESAMPLES, len(figures)))
    for start, stop in _blocks(groups):
        counts = rng.multinomial(groups, np.full(groups, 1.0 / groups), size=stop - start)
        totals = counts.astype(np.float64) @ sums
        for number, figure in enumerate(figures):
            drawn[start:stop, number] = figure.of(totals)
    return drawn


def _exchanged(a: Array, b: Array, figures: Sequence[Figure], seed: int) -> Array:
    """The differences when A and B are exchanged in half of the rows, drawn at random; shape (RESAMPLES, figures)."""
    rng, change = np.random.default_rng(seed), b - a
    totals_a, totals_b = a.sum(axis=0), b.sum(axis=0)
    found = np.empty((RESAMPLES, len(figures)))
    for start, stop in _blocks(len(a)):
        moved = rng.integers(0, 2, size=(stop - start, len(a))).astype(np.float64) @ change
        for number, figure in enumerate(figures):
            found[start:stop, number] = figure.of(totals_a + moved) - figure.of(totals_b - moved)
    return found


def _blocks(groups: int) -> Iterator[tuple[int, int]]:
    size = max(1, _BLOCK // groups)
    for start in range(0, RESAMPLES, size):
        yield start, min(start + size, RESAMPLES)


def _quantiles(drawn: Array, *shares: float) -> tuple[float | None, ...]:
    there = drawn[np.isfinite(drawn)]
    return tuple(map(float, np.quantile(there, shares))) if len(there) else (None,) * len(shares)


def _finite(value: Array) -> float | None:
    return float(value) if np.isfinite(value) else None


def _bucket(document: str) -> int:
    return int.from_bytes(blake2b(document.encode(), digest_size=8).digest()) % MOST_GROUPS
