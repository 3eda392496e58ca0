"""The figures of a comparison by a judge; all follow from sums over pairs, so that intervals come of drawing papers."""

from collections.abc import Iterator
from math import log
from typing import Final

import numpy as np

from evals.judging.blinding import PREFERENCES, Preference, unblind
from evals.judging.decisions import Decision
from evals.metrics.metric import Array, Metric, share

#: Lengths are alike where the shorter summary has at least this share of the words of the longer one.
ALIKE: Final = 0.8
_SCORES: Final[dict[Preference, float]] = {"A": 0.0, "tie": 0.5, "B": 1.0}


def at_equal_length(sums: Array) -> Array:
    """The win rate of B where both are as long, in points, of (pairs, x, x squared, score, x times score).

    x is the logarithm of the ratio of lengths. It is the intercept of a straight line by least squares, held to the
    scale; NaN where all pairs have one ratio. The idea is that of Dubois et al. 2024 (arXiv 2404.04475).
    """
    count, x, xx, y, xy = (sums[..., column] for column in range(5))
    spread = count * xx - x * x
    level = np.divide(xx * y - x * xy, spread, out=np.full(np.shape(spread), np.nan), where=spread > 1e-9 * count * xx)
    held: Array = np.clip(level, 0.0, 1.0)
    return 100.0 * held


_PART: Final = "judging"
WIN_RATE: Final = Metric(
    "win_rate", "win rate of B", "wins of B and half of the ties, of all pairs that are decided", "win", 2, share, _PART
)
CONSISTENCY: Final = Metric(
    "swap_consistency", "swap consistency", "pairs with the same verdict in both orders", "consistent", 2, share, _PART
)
#: What says how far the judge can be believed; shown with or without a headline.
DIAGNOSTICS: Final = (
    CONSISTENCY,
    Metric("ties", "ties", "judged pairs without a winner, disagreement between the orders included", "ties", 2, share,
           _PART, better="neither"),
    Metric("first_wins", "wins of the first", "of all answers that name a winner; 50 is no bias", "first", 2, share,
           _PART, better="neither"),
    Metric("longer_wins", "wins of the longer", "of all wins where lengths differ; 50 is no preference", "longer", 2,
           share, _PART, better="neither"),
    Metric("win_rate_matched", "length-matched win rate", "of B, over pairs whose lengths differ by at most a fifth",
           "matched", 2, share, _PART),
    Metric("win_rate_level", "win rate at equal length", "of B, by a straight line over the ratios of lengths", "level",
           5, at_equal_length, _PART),
)  # fmt: skip
METRICS: Final = (WIN_RATE, *DIAGNOSTICS)


def sums_of(decision: Decision) -> Iterator[tuple[str, tuple[float, ...]]]:
    """What a pair adds to the sums of `METRICS`; nothing where it is not decided."""
    if decision.preference is None:
        return
    score = _SCORES[decision.preference]
    yield "win", (score, 1.0)
    if decision.pair.state != "empty":
        yield from _length(decision, score)
    if decision.said:
        verdicts = {unblind(better, order) for order, better in decision.said.items()}
        yield "consistent", (float(len(verdicts) == 1), 1.0)
        yield "ties", (float(decision.preference == "tie"), 1.0)
        wins = [better for better in decision.said.values() if better != "tie"]
        yield "first", (float(wins.count("first")), float(len(wins)))


def cells_of(judge: Preference, people: list[Preference]) -> Array:
    """What a pair with labels adds to the counts of `kappa`."""
    cells = np.zeros((len(PREFERENCES), len(PREFERENCES)))
    for person in people:
        cells[PREFERENCES.index(judge), PREFERENCES.index(person)] += 1.0
    return cells.reshape(-1)


def _length(decision: Decision, score: float) -> Iterator[tuple[str, tuple[float, ...]]]:
    a, b = decision.pair.words("A"), decision.pair.words("B")
    if min(a, b) >= ALIKE * max(a, b):
        yield "matched", (score, 1.0)
    ratio = log(b / a)
    yield "level", (1.0, ratio, ratio * ratio, score, ratio * score)
    if a != b and decision.preference != "tie":
        yield "longer", (float((decision.preference == "B") == (b > a)), 1.0)
