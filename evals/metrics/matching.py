"""Which of the things that a system says is which of those that people found, each at most once."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment


def assign(likeness: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Pairs (row, column) with the largest sum of likeness; those that are not alike at all (0) are no pair."""
    weights = np.asarray(likeness)
    if not weights.any():
        return []
    rows, columns = linear_sum_assignment(weights, maximize=True)
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if weights[row, column] > 0]
