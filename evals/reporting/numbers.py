"""Figures as people read them."""

from typing import Final

from numpy import format_float_positional

from evals.metrics.metric import Metric
from evals.tables import Cell

_DECIMALS: Final = {"points": 1, "words": 1, "times": 1}


def amount(value: float, metric: Metric) -> str:
    """One decimal for points, words and times; three digits that count for seconds and prices."""
    if metric.unit in _DECIMALS:
        return f"{value:.{_DECIMALS[metric.unit]}f}"
    return format_float_positional(value, precision=3, fractional=False, trim="-")


def interval(cell: Cell, metric: Metric) -> str:
    """The interval in brackets; empty where there is none."""
    if cell.low is None or cell.high is None:
        return ""
    return f"[{amount(cell.low, metric)}, {amount(cell.high, metric)}]"


def words(cell: Cell, metric: Metric) -> str:
    """The value with its interval, for a sentence."""
    return " ".join(part for part in (amount(cell.value or 0.0, metric), interval(cell, metric)) if part)


def label(metric: Metric) -> str:
    """Title and unit, for an axis."""
    said = metric.unit in metric.title or metric.unit in ("points", "seconds", "times")
    return metric.title if said else f"{metric.title}, {metric.unit}"


def count(number: int, what: str) -> str:
    """`1 paper`, `5,000 papers`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
