"""Statistics: intervals that hold, p values that agree with scipy and with counting all cases, and one honest word."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from scipy import stats

from evals.metrics.metric import Array, f1, mean, share
from evals.statistics import (
    ALPHA,
    FEWEST,
    Difference,
    Figure,
    Groups,
    detectable,
    differences,
    enough,
    holm,
    intervals,
    word,
)

SHARE = Figure(0, 2, share, 100.0)
MEAN = Figure(0, 2, mean)
F1 = Figure(0, 3, f1, 100.0)


def scores(values: Array) -> Array:
    """Sums of documents with one paper each: its value, one to divide by, one to count."""
    return np.stack([values, np.ones_like(values), np.ones_like(values)], axis=1)


def skewed(rng: np.random.Generator, count: int) -> Array:
    """Shares as ROUGE has them: some zeros, a long tail, a spread of about 20 points."""
    values: Array = rng.beta(2.0, 3.5, count) * (rng.random(count) > 0.05)
    return values


def counts(rng: np.random.Generator, documents: int) -> Array:
    """Sums of an F1: right, said, wanted, and the paper."""
    said, wanted = rng.poisson(4, documents) + 1.0, rng.poisson(5, documents) + 1.0
    right = rng.binomial(np.minimum(said, wanted).astype(int), 0.5).astype(np.float64)
    return np.stack([right, said, wanted, np.ones(documents)], axis=1)


def bounds(sums: Array, figure: Figure, resamples: int = 10_000, seed: int = 0) -> tuple[float, float, float]:
    """A figure and its interval, which there has to be."""
    ((found,),) = intervals([sums], [figure], resamples=resamples, seed=seed)
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    return found.value, found.low, found.high


def differ(a: Array, b: Array, figure: Figure = SHARE, resamples: int = 10_000) -> Difference:
    """The difference of two systems in one figure."""
    (found,) = differences(a, b, [figure], resamples=resamples)
    return found


def p_of(found: Difference) -> float:
    """The p value, which there has to be."""
    assert found.p is not None
    return found.p


def test_intervals_of_means_are_those_of_scipy() -> None:
    """The percentile interval of a mean is scipy's, within what two seeds differ by."""
    values = skewed(np.random.default_rng(1), 200)
    value, low, high = bounds(scores(values), SHARE)
    theirs = stats.bootstrap(
        (100.0 * values,), np.mean, n_resamples=10_000, method="percentile", rng=np.random.default_rng(2)
    )
    assert value == pytest.approx(100.0 * values.mean())
    # A bound moves by about 1.5 % of the half width with the seed.
    assert low == pytest.approx(theirs.confidence_interval.low, abs=0.05 * (high - low))
    assert high == pytest.approx(theirs.confidence_interval.high, abs=0.05 * (high - low))


def test_ratios_are_computed_anew_from_drawn_documents() -> None:
    """The interval of an F1 over all documents is scipy's paired bootstrap of the whole ratio, not of means of F1s."""
    sums = counts(np.random.default_rng(3), 120)

    def whole(right: Array, said: Array, wanted: Array, axis: int = -1) -> Array:
        value: Array = 200.0 * right.sum(axis) / (said.sum(axis) + wanted.sum(axis))
        return value

    value, low, high = bounds(sums, F1)
    theirs = stats.bootstrap(
        tuple(sums[:, :3].T),
        whole,
        n_resamples=10_000,
        method="percentile",
        paired=True,
        rng=np.random.default_rng(4),
    ).confidence_interval
    assert value == pytest.approx(whole(*sums[:, :3].T))
    assert low == pytest.approx(theirs.low, abs=0.05 * (high - low))
    assert high == pytest.approx(theirs.high, abs=0.05 * (high - low))


def test_intervals_hold() -> None:
    """Of 95 % intervals about 95 in 100 have the true value in them, for a skewed score of 100 papers."""
    rng = np.random.default_rng(5)
    true = 100.0 * 0.95 * 2.0 / 5.5
    runs = 600
    held = 0
    for _ in range(runs):
        _, low, high = bounds(scores(skewed(rng, 100)), SHARE, resamples=1_000)
        held += low <= true <= high
    # Three standard errors of such a count, and the half percent that percentile intervals are short of at n = 100.
    assert 0.945 - 3 * 0.0091 <= held / runs <= 0.95 + 3 * 0.0089


def test_papers_of_one_document_are_drawn_together() -> None:
    """Papers that are there five times make no interval narrower, and differences of one document are one of a kind."""
    values = skewed(np.random.default_rng(6), 80)
    alone, copied, apart = Groups(3), Groups(3), Groups(3)
    for number, row in enumerate(scores(values)):
        alone.add(f"document {number}", {"a": row})
        for copy in range(5):
            copied.add(f"document {number}", {"a": row})
            apart.add(f"document {number}, {copy}", {"a": row})
    assert bounds(copied.sums["a"], SHARE) == bounds(alone.sums["a"], SHARE)
    narrow, wide = bounds(apart.sums["a"], SHARE), bounds(copied.sums["a"], SHARE)
    assert (narrow[2] - narrow[1]) / (wide[2] - wide[1]) == pytest.approx(5**-0.5, rel=0.05)
    moved = np.clip(values + np.random.default_rng(7).normal(0.02, 0.1, 80), 0, 1)
    one, five = differ(scores(values), scores(moved)), differ(5 * scores(values), 5 * scores(moved))
    assert (one.p, one.low, one.high, one.documents) == (five.p, five.low, five.high, five.documents)
    assert (one.papers, five.papers) == (80, 400)


def test_the_same_seed_gives_the_same_figures() -> None:
    """Twice the same, to the last digit; another seed moves the bounds and leaves the value."""
    rng = np.random.default_rng(8)
    a, b = scores(skewed(rng, 150)), scores(skewed(rng, 150))
    assert repr(intervals([a, b], [SHARE, MEAN])) == repr(intervals([a, b], [SHARE, MEAN]))
    assert repr(differ(a, b)) == repr(differ(a, b))
    first, second = bounds(a, SHARE), bounds(a, SHARE, seed=1)
    assert first[0] == second[0]
    assert first[1:] != second[1:]


def test_systems_share_what_is_drawn() -> None:
    """A system has the same interval alone and beside others, and two that say the same have the same one."""
    rng = np.random.default_rng(9)
    a, b = scores(skewed(rng, 90)), scores(skewed(rng, 90))
    of_a, of_b, again = intervals([a, b, a.copy()], [SHARE])
    assert of_a == again == intervals([a], [SHARE])[0]
    assert of_b == intervals([b], [SHARE])[0]


def test_p_agrees_with_scipy() -> None:
    """Exchanging A and B in papers at random gives scipy's p for paired samples."""
    rng = np.random.default_rng(10)
    for shift in (0.0, 0.02, 0.04):
        a = skewed(rng, 100)
        b = a + rng.normal(shift, 0.12, 100)
        theirs = stats.permutation_test(
            (b, a),
            lambda x, y, axis: np.mean(x - y, axis=axis),
            permutation_type="samples",
            n_resamples=10_000,
            vectorized=True,
            rng=np.random.default_rng(11),
        )
        # Four standard errors of the difference of two such shares.
        allowed = 4 * (2 * max(theirs.pvalue, 0.001) / 10_000) ** 0.5
        assert p_of(differ(scores(a), scores(b))) == pytest.approx(theirs.pvalue, abs=allowed)


@pytest.mark.parametrize("figure", [SHARE, F1], ids=["mean", "F1"])
def test_p_agrees_with_counting_all_exchanges(figure: Figure) -> None:
    """With ten documents all 1,024 exchanges can be counted: for a mean, and for a ratio that is no mean."""
    rng = np.random.default_rng(12)
    a, b = (counts(rng, 10), counts(rng, 10)) if figure is F1 else (scores(skewed(rng, 10)), scores(skewed(rng, 10)))
    observed = abs(figure.of(b.sum(0)) - figure.of(a.sum(0)))
    as_large = 0
    for chosen in product((0.0, 1.0), repeat=10):
        moved = np.array(chosen) @ (b - a)
        as_large += bool(abs(figure.of(b.sum(0) - moved) - figure.of(a.sum(0) + moved)) >= observed - 1e-9)
    exact = as_large / 1_024
    assert p_of(differ(a, b, figure)) == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 10_000) ** 0.5 + 1e-4)


@pytest.mark.parametrize(("changed", "exact"), [(1, 1.0), (2, 0.5), (3, 0.25), (5, 0.0625)])
def test_few_papers_that_differ_are_no_finding(changed: int, exact: float) -> None:
    """Exchanges as large as the difference count whatever digits it is rounded to: at every size p is the exact one."""
    for documents in range(50, 150, 7):
        values = np.ones(documents)
        a = scores(values)
        values[:changed] = 0.0
        assert p_of(differ(a, scores(values), resamples=1_000)) == pytest.approx(exact, abs=0.05)


def test_p_is_right_under_no_difference() -> None:
    """Of two that differ by chance only, p is below 5 % in about 5 of 100 cases."""
    rng = np.random.default_rng(13)
    found = 0
    for _ in range(400):
        a = skewed(rng, 60)
        found += p_of(differ(scores(a), scores(a + rng.normal(0.0, 0.12, 60)), resamples=500)) < ALPHA
    assert 0.05 - 3 * 0.011 <= found / 400 <= 0.05 + 3 * 0.011


def test_differences_are_b_minus_a() -> None:
    """A positive difference is one by which B is higher, and its interval is around it."""
    a = skewed(np.random.default_rng(14), 300)
    found = differ(scores(a), scores(a + 0.05))
    assert found.a is not None
    assert found.b is not None
    assert found.value == pytest.approx(5.0)
    assert found.value == pytest.approx(found.b - found.a)
    assert found.low == pytest.approx(5.0)
    assert found.high == pytest.approx(5.0)


def test_pairs_make_the_interval_of_a_difference_narrow() -> None:
    """What both find hard or easy does not widen it: the interval is that of the differences of papers."""
    rng = np.random.default_rng(15)
    a = skewed(rng, 400)
    change = rng.normal(0.0, 0.05, 400)
    found = differ(scores(a), scores(a + change))
    theirs = stats.bootstrap((100.0 * change,), np.mean, n_resamples=10_000, method="percentile", rng=rng)
    assert found.low == pytest.approx(theirs.confidence_interval.low, abs=0.02)
    assert found.high == pytest.approx(theirs.confidence_interval.high, abs=0.02)
    assert found.error == pytest.approx(theirs.standard_error, rel=0.05)


def test_holm_by_hand() -> None:
    """The smallest is taken four times, the next three times, none is below one before it, and none above 1."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize("tests", [1, 3])
def test_detectable_differences_are_found_in_four_of_five_samples(tests: int) -> None:
    """What is said to be detectable has a power of 80 %, at the level of the strictest step of Holm's correction."""
    rng = np.random.default_rng(16)
    a = skewed(rng, 150)
    (first,) = differences(scores(a), scores(a + rng.normal(0.0, 0.12, 150)), [SHARE], resamples=4_000)
    assert first.error is not None
    planted = detectable(first.error, tests)
    assert planted == pytest.approx({1: 2.802, 3: 3.236}[tests] * first.error, rel=0.001)
    # The spread of this one sample is what the planted difference was reckoned from, so it is kept.
    spread = first.error * 150**0.5 / 100.0
    found = 0
    for _ in range(300):
        b = a + planted / 100.0 + rng.normal(0.0, spread, 150)
        found += p_of(differ(scores(a), scores(b), resamples=1_000)) < ALPHA / tests
    assert 0.8 - 3 * 0.023 <= found / 300 <= 0.8 + 3 * 0.023


@pytest.mark.parametrize(("value", "expected"), [(0.0, (0.0, 0.0, 3.0)), (1.0, (100.0, 97.0, 100.0))])
def test_what_was_never_met_may_still_happen(value: float, expected: tuple[float, ...]) -> None:
    """None of 100 documents, or all of them: the other bound is 3 in 100, and no percentile interval of no width."""
    assert bounds(scores(np.full(100, value)), SHARE) == pytest.approx(expected)


def test_the_rule_of_three_counts_documents() -> None:
    """Ten copies of a paper have seen no more than one; of two documents nothing is known."""
    copied = 10 * scores(np.zeros(100))
    assert bounds(copied, SHARE) == pytest.approx((0.0, 0.0, 3.0))
    assert bounds(scores(np.zeros(2)), SHARE) == (0.0, 0.0, 100.0)
    # Seconds have no end of the scale, and the middle of one is no end; that all are the same is all there is to say.
    assert bounds(scores(np.full(100, 0.5)), SHARE) == (50.0, 50.0, 50.0)
    assert bounds(scores(np.zeros(100)), MEAN) == (0.0, 0.0, 0.0)


def test_what_does_not_exist_is_none() -> None:
    """No paper has no figure, one document has no interval, and of documents without a paper nothing is counted."""
    ((nothing, one),) = intervals([np.array([[0.0, 0.0, 0.0, 0.4, 1.0, 1.0]])], [SHARE, Figure(3, 2, share, 100.0)])
    assert (nothing.value, nothing.low, nothing.high) == (None, None, None)
    assert one.value == pytest.approx(40.0)
    assert (one.low, one.high) == (None, None)
    sums = np.concatenate([scores(skewed(np.random.default_rng(17), 70)), np.zeros((30, 3))])
    found = differ(sums, sums)
    assert (found.papers, found.documents) == (70, 70)
    assert differ(sums[-30:], sums[-30:]).value is None
    single = differ(sums[:1], sums[:1])
    assert (single.value, single.low, single.p) == (0.0, None, None)


def test_many_documents_become_groups_without_narrowing_anything() -> None:
    """With 20 documents for a group the sums are the same, and the interval is, but for what a seed does."""
    rng = np.random.default_rng(18)
    values = skewed(rng, 8_000)
    # A sorted file is the hardest: neighbours are alike.
    every, grouped = Groups(3, most=8_000), Groups(3, most=400)
    for number, row in enumerate(scores(np.sort(values))):
        every.add(f"document {number}", {"a": row})
        grouped.add(f"document {number}", {"a": row})
    assert grouped.sums["a"].shape == (400, 3)
    assert grouped.sums["a"].sum(axis=0) == pytest.approx(every.sums["a"].sum(axis=0))
    value, low, high = bounds(grouped.sums["a"], SHARE, resamples=2_000)
    _, true_low, true_high = bounds(every.sums["a"], SHARE, resamples=2_000)
    assert value == pytest.approx(100.0 * values.mean())
    # 400 groups know the spread to 3.5 % (one standard error).
    assert (high - low) / (true_high - true_low) == pytest.approx(1.0, abs=0.12)


def test_documents_keep_their_group() -> None:
    """Papers of one document are in one row, before and after there are so many that rows are shared."""
    groups = Groups(1, most=4)
    for document in "abcdefgh":
        groups.add(document, {"first": np.array([1.0])})
    before = groups.sums["first"].copy()
    for document in "abcdefgh":
        groups.add(document, {"first": np.array([1.0]), "later": np.array([1.0])})
    assert groups.sums["first"] == pytest.approx(2 * before)
    assert groups.sums["later"] == pytest.approx(before)


def _same(values: Array) -> Array:
    return values


def _five_more(values: Array) -> Array:
    return values + 0.05


def _five_less(values: Array) -> Array:
    return values - 0.05


@pytest.mark.parametrize(
    ("count", "change", "better", "expected"),
    [
        (600, _same, "higher", "equivalent"),
        (600, _five_more, "higher", "better"),
        (600, _five_less, "higher", "worse"),
        (600, _five_more, "lower", "worse"),
        (600, _five_less, "lower", "better"),
        (600, _five_more, "neither", None),
        (30, _same, "higher", "underpowered"),
        (30, _five_more, "higher", "underpowered"),
        (100, _same, "higher", "underpowered"),
        (150, _same, "higher", "equivalent"),
    ],
)
def test_words(count: int, change: Callable[[Array], Array], better: str, expected: str | None) -> None:
    """Each word means what it says: with 30 papers nothing is said, and 150 are needed for a margin of 2 points."""
    rng = np.random.default_rng(19)
    a = skewed(rng, count)
    found = differ(scores(a), scores(change(a)))
    direction = {"higher": "higher", "lower": "lower", "neither": "neither"}[better]
    assert word(found, found.p, 2.0, direction) == expected  # type: ignore[arg-type]


def test_without_a_margin_nothing_is_equivalent() -> None:
    """Of seconds nobody said which difference matters: found, or no verdict."""
    a = skewed(np.random.default_rng(20), 600)
    same, more = differ(scores(a), scores(a), MEAN), differ(scores(a), scores(a + 0.05), MEAN)
    assert word(same, same.p, None, "lower") is None
    assert word(more, more.p, None, "lower") == "worse"


def test_enough_documents() -> None:
    """Three in n may differ unseen, each by the whole scale: 150 documents for 2 points, and never fewer than 50."""
    assert enough(150, 2.0)
    assert not enough(149, 2.0)
    assert enough(FEWEST, 50.0)
    assert not enough(FEWEST - 1, 50.0)
