"""How the agreement of a metric with people is computed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, rankdata, spearmanr

from evals.meta.agreement import auroc, pair_accuracy, spearman, spearman_given, spearman_over, weighted_ranks

#: Forty texts of ten papers; the metric follows the judgement and some noise, and the length as well.
_RNG = np.random.default_rng(5)
_DOCUMENTS = [f"paper-{number // 4}" for number in range(40)]
_JUDGED = _RNG.integers(0, 7, 40).astype(float)
_LENGTH = _JUDGED * 3 + _RNG.normal(0, 6, 40)
_METRIC = _JUDGED + _LENGTH / 4 + _RNG.normal(0, 2, 40)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1, max_size=20).filter(
        lambda rows: any(weight for _, weight in rows)
    )
)
def test_weighted_ranks_are_those_of_repeated_values(rows: list[tuple[int, int]]) -> None:
    """A value of weight 3 has the rank that three copies of it have."""
    values = np.array([float(value) for value, _ in rows])
    weights = np.array([[float(weight) for _, weight in rows]])
    repeated = np.repeat(np.arange(len(rows)), weights[0].astype(int))
    expected = dict(zip(repeated, rankdata(values[repeated]), strict=True))
    ranks = weighted_ranks(values, weights)[0]
    assert all(ranks[place] == pytest.approx(rank) for place, rank in expected.items())


def test_values_are_those_of_scipy() -> None:
    """Spearman and AUROC are scipy's, and lie inside of their intervals."""
    found = spearman(_METRIC, _JUDGED, _DOCUMENTS)
    assert found.value == pytest.approx(spearmanr(_METRIC, _JUDGED).statistic)
    assert found.low is not None
    assert found.value is not None
    assert found.high is not None
    assert found.low < found.value < found.high
    assert found.papers == 10
    wrong = (_JUDGED > 3).astype(float)
    statistic = mannwhitneyu(_METRIC[wrong == 1], _METRIC[wrong == 0]).statistic
    area = auroc(_METRIC, wrong, _DOCUMENTS)
    assert area.value == pytest.approx(statistic / (wrong.sum() * (1 - wrong).sum()))
    assert area.low is not None
    assert area.low > 0.5


def test_interval_is_that_of_papers_drawn_again() -> None:
    """The bounds agree with a bootstrap that copies the texts of the drawn papers and asks scipy each time."""
    rng, members = np.random.default_rng(1), np.arange(40).reshape(10, 4)
    drawn = [members[rng.integers(0, 10, 10)].ravel() for _ in range(1500)]
    for found, slowly in (
        (spearman(_METRIC, _JUDGED, _DOCUMENTS), [spearmanr(_METRIC[d], _JUDGED[d]).statistic for d in drawn]),
        (spearman_given(_METRIC, _JUDGED, _LENGTH, _DOCUMENTS), [_partial(d) for d in drawn]),
    ):
        assert [found.low, found.high] == pytest.approx(np.quantile(slowly, [0.025, 0.975]), abs=0.05)


def test_one_paper_has_no_interval() -> None:
    """Nothing can be drawn of a single document, and nothing is certain of it."""
    found = spearman(_METRIC, _JUDGED, ["alone"] * len(_METRIC))
    assert found.value is not None
    assert (found.low, found.high, found.papers) == (None, None, 1)


def test_papers_are_drawn_together() -> None:
    """Copies of each text in its paper make no interval narrower; as texts of their own they would."""
    once = spearman(_METRIC, _JUDGED, _DOCUMENTS)
    copied = spearman(np.tile(_METRIC, 4), np.tile(_JUDGED, 4), _DOCUMENTS * 4)
    alone = spearman(np.tile(_METRIC, 4), np.tile(_JUDGED, 4), [str(number) for number in range(160)])
    assert copied.low == pytest.approx(once.low, abs=1e-9)
    assert alone.low is not None
    assert once.low is not None
    assert alone.low > once.low


def test_length_explains_what_only_follows_length() -> None:
    """A metric that is the length and noise agrees with people, but not among texts of one length."""
    rng = np.random.default_rng(3)
    documents = [f"paper-{number // 4}" for number in range(400)]
    judged = rng.integers(0, 7, 400).astype(float)
    length = judged + rng.normal(0, 1, 400)
    empty = length + rng.normal(0, 1, 400)
    agreed, given_length = spearman(empty, judged, documents), spearman_given(empty, judged, length, documents)
    assert agreed.low is not None
    assert agreed.low > 0.5
    assert given_length.value == pytest.approx(0.0, abs=0.1)
    over = spearman_over(empty, judged, length, documents)
    assert over.high is not None
    assert over.high < 0


def test_pairs_are_of_one_paper_and_told_apart_by_people() -> None:
    """Pairs of two papers and pairs of equal judgement do not count; equal values are half right."""
    values, judged = np.array([1.0, 2.0, 2.0, 9.0, 0.0]), np.array([0.0, 1.0, 0.0, 5.0, 5.0])
    found, count = pair_accuracy(values, judged, ["a", "a", "a", "b", "b"])
    # Of a: the first two are right, the last two equal, and the outer ones judged alike. None of b.
    assert (found.value, count, found.papers) == (75.0, 2, 1)


@pytest.mark.parametrize("judged", [np.zeros(4), np.array([0.0, 1.0, 0.0, 1.0])])
def test_what_does_not_vary_has_no_agreement(judged: np.ndarray) -> None:
    """A metric with one value for all texts, or people who say one thing, leave nothing to measure."""
    same, documents = np.ones(4), ["a", "a", "b", "b"]
    cells = [spearman(same, judged, documents), auroc(same, judged, documents)]
    cells += [spearman_given(same, judged, np.arange(4.0), documents), pair_accuracy(same, judged, documents)[0]]
    cells += [spearman_over(judged, np.arange(4.0), judged, documents), auroc(np.arange(4.0), same, documents)]
    assert [(cell.value, cell.low, cell.high) for cell in cells] == [(None, None, None)] * 6


def _partial(drawn: np.ndarray) -> float:
    values, judged, length = rankdata(_METRIC[drawn]), rankdata(_JUDGED[drawn]), rankdata(_LENGTH[drawn])
    left = [one - np.polyval(np.polyfit(length, one, 1), length) for one in (values, judged)]
    return float(np.corrcoef(*left)[0, 1])
