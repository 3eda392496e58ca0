"""The figures of a judge, against values that were worked out apart, and the rules by which a headline is withheld."""

import numpy as np
import pytest

from evals.annotating.agreement import kappa
from evals.judging.figures import at_equal_length
from evals.judging.findings import reasons_to_withhold
from evals.tables import Cell


def _cell(value: float | None) -> Cell:
    return Cell(value=value, low=value, high=value, papers=1)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        # 35 of 50 agree, 25 would by chance: (0.7 - 0.5) / (1 - 0.5).
        ([[20, 5], [10, 15]], 0.4),
        ([[45, 15], [25, 15]], 0.1304),
        ([[25, 35], [5, 35]], 0.2593),
        ([[10, 0, 0], [0, 10, 0], [0, 0, 10]], 1.0),
        ([[0, 10], [10, 0]], -1.0),
    ],
)
def test_kappa_has_its_known_values(table: list[list[float]], expected: float) -> None:
    """Published and obvious tables have the published and obvious values."""
    cells = np.array(table, dtype=np.float64).reshape(-1)
    assert kappa(cells) == pytest.approx(expected, abs=5e-5)
    assert kappa(np.array([cells, 3 * cells])) == pytest.approx([expected, expected], abs=5e-5)


def test_kappa_of_one_class_or_of_nothing_does_not_exist() -> None:
    """Where all say the same there is nothing to agree on by more than chance."""
    assert np.isnan(kappa(np.array([[7.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]))).all()


def test_win_rate_at_equal_length_is_that_of_a_line() -> None:
    """It is the intercept that numpy finds, and does not exist where all pairs have the same ratio of lengths."""
    rng = np.random.default_rng(1)
    x = rng.normal(0.5, 0.4, size=200)
    y = np.where(rng.random(200) < 0.3 + 0.2 * x, 1.0, 0.0)
    sums = np.array([200.0, x.sum(), (x * x).sum(), y.sum(), (x * y).sum()])
    assert at_equal_length(sums) == pytest.approx(100.0 * np.polyfit(x, y, 1)[1])
    # Sums of thousands of numbers have rounding of their own.
    for count, ratio in ((5, 1.2), (300, 3.0), (2_000, 1.5), (5_000, 1.1)):
        alike, wins = np.full(count, np.log(ratio)), rng.integers(0, 2, count)
        columns = (np.ones(count), alike, alike**2, wins, alike * wins)
        assert np.isnan(at_equal_length(np.array([column.sum() for column in columns])))


@pytest.mark.parametrize(
    ("consistency", "agreement", "labelled", "words"),
    [
        (79.9, 0.9, 200, ["swap consistency 79.9"]),
        (95.0, 0.59, 200, ["kappa 0.59"]),
        (95.0, 0.9, 99, ["99 judged pairs"]),
        (95.0, None, 0, ["not calibrated"]),
        (None, None, 0, ["no pair was judged", "not calibrated"]),
        (10.0, -0.2, 3, ["swap consistency", "kappa -0.20", "3 judged pairs"]),
        (80.0, 0.6, 100, []),
    ],
)
def test_headline_is_withheld_for_each_reason(
    consistency: float | None, agreement: float | None, labelled: int, words: list[str]
) -> None:
    """Each reason alone is enough and is told, and without one nothing is withheld."""
    reasons = list(reasons_to_withhold(_cell(consistency), None if agreement is None else _cell(agreement), labelled))
    assert len(reasons) == len(words)
    assert all(word in reason for word, reason in zip(words, reasons, strict=True))


def test_headline_is_withheld_where_kappa_does_not_exist() -> None:
    """A judge and people who always say one thing have not shown that they agree."""
    (reason,) = reasons_to_withhold(_cell(95.0), _cell(None), 200)
    assert "kappa does not exist" in reason
