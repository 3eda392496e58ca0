"""What a metric is: a few sums for each paper, and a value that follows from the sums of any set of papers.

So every figure, a mean as well as an F1 over all papers, is drawn again in the same way by the bootstrap: papers are
drawn, their sums added, and the value computed anew. The mean of nothing does not exist: it is NaN here, null in files.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]
#: What one paper adds to each figure, by the name of the sums; what is not there adds nothing.
Sums: TypeAlias = Mapping[str, tuple[float, ...]]
#: From sums of shape (..., k) to values of shape (...).
Value: TypeAlias = Callable[[Array], Array]


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of a table."""

    name: str
    """Unique, as in files and on the command line."""
    title: str
    """As people read it."""
    about: str
    """One line: what is measured, and what is not."""
    sums: str
    """Name of the sums that it follows from; several metrics may share them."""
    size: int
    """How many numbers these are for each paper."""
    value: Value
    part: str
    """What it belongs to: the metrics of a part stand in one table."""
    unit: Literal["points", "words", "times", "seconds", "USD"] = "points"
    """Points are hundredths: of a whole, or of a score that is at most 1."""
    better: Literal["higher", "lower", "neither"] = "higher"
    family: str = ""
    """Metrics of one family are one question asked several times: p values are corrected for their number."""


def mean(sums: Array) -> Array:
    """Mean of (total, count)."""
    return _ratio(sums[..., 0], sums[..., 1])


def share(sums: Array) -> Array:
    """Mean of (total, count) in points."""
    return 100.0 * mean(sums)


def precision(sums: Array) -> Array:
    """In points, of (right, said, wanted)."""
    return 100.0 * _ratio(sums[..., 0], sums[..., 1])


def recall(sums: Array) -> Array:
    """In points, of (right, said, wanted)."""
    return 100.0 * _ratio(sums[..., 0], sums[..., 2])


def f1(sums: Array) -> Array:
    """In points, of (right, said, wanted); where nothing is said and nothing wanted there is none."""
    return 100.0 * _ratio(2.0 * sums[..., 0], sums[..., 1] + sums[..., 2])


def macro_f1(sums: Array) -> Array:
    """Mean in points of the F1 of each class, of (right, said, wanted) for each; classes nobody has do not count."""
    classes = sums.reshape(*sums.shape[:-1], -1, 3)
    each = f1(classes)
    there = np.isfinite(each)
    return _ratio(np.where(there, each, 0.0).sum(axis=-1), there.sum(axis=-1).astype(np.float64))


def _ratio(part: Array, whole: Array) -> Array:
    found: Array = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) != 0)
    return found
