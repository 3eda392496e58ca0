"""Results as closed tuples: when a value is the same, what each level asks for, and who is paired with whom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.examples import Claim, Prediction
from evals.metrics import METRICS, score
from evals.metrics.results import same_value
from tests.scored_papers import example, value

_GOLD = Claim(value="81.4", unit="%", metric="accuracy", dataset="PebbleBed", method="BrookNet", baseline_value="76.9")
_LEVELS = ("value", "metric", "dataset", "method")


def _scores(said: list[Claim], gold: list[Claim]) -> dict[str, tuple[float, ...]]:
    return dict(score(Prediction(results=tuple(said)), example(results=gold)))


def _right(said: list[Claim], gold: list[Claim]) -> list[float]:
    found = _scores(said, gold)
    return [found[f"results.{level}"][0] for level in _LEVELS]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("79.70", "%"), ("79.7", "%"), True),
        (("79.7%", ""), ("79.7", "percent"), True),
        (("10k", ""), ("10,000", ""), True),
        (("two", "x"), ("2", "times"), True),
        (("12", "tokens"), ("12", ""), True),
        (("80-95", "%"), ("80\u201395", "%"), True),
        (("best", ""), ("Best", ""), True),
        (("80", "%"), ("80", ""), False),
        (("80", "%"), ("80", "points"), False),
        (("5", "ms"), ("5", "s"), False),
        (("-5", "%"), ("5", "%"), False),
        (("80-95", "%"), ("80", "%"), False),
        (("80-95", "%"), ("80-96", "%"), False),
        (("best", ""), ("2", ""), False),
    ],
)  # fmt: skip
def test_values_are_the_same_as_numbers_with_their_units(
    one: tuple[str, str], other: tuple[str, str], *, same: bool
) -> None:
    """How a number is written does not matter, its sign and unit do; what is counted is no unit."""
    assert same_value(*one, *other) == same_value(*other, *one) == same


@pytest.mark.parametrize(
    ("change", "right"),
    [
        ({}, [1, 1, 1, 1]),
        ({"value": "81.40", "metric": "Accuracy", "dataset": "pebblebed"}, [1, 1, 1, 1]),
        ({"method": None}, [1, 1, 1, 0]),
        ({"dataset": "RiverBank"}, [1, 1, 0, 0]),
        ({"metric": None}, [1, 0, 0, 0]),
        ({"value": "81"}, [0, 0, 0, 0]),
    ],
)
def test_each_level_asks_for_one_part_more(change: dict[str, str | None], right: list[float]) -> None:
    """Value, metric, data set, method: what is wrong in one of them is wrong from there on."""
    assert _right([_GOLD.model_copy(update=change)], [_GOLD]) == right


def test_nothing_is_right_where_nothing_is_wanted() -> None:
    """A metric that people did not find is wrong to say; with none on both sides the level is right."""
    bare = Claim(value="3", unit="x")
    assert _right([bare], [bare]) == [1, 1, 1, 1]
    assert _right([bare.model_copy(update={"metric": "speed"})], [bare]) == [1, 0, 0, 0]


def test_each_gold_result_is_given_once_and_as_many_as_possible_are_right() -> None:
    """Of two claims with one number, the one with the right metric gets the gold that has it, in any order."""
    loose, close = Claim(value="3", metric="speed"), Claim(value="3", metric="size")
    gold = [Claim(value="3", metric="size"), Claim(value="4")]
    for said in ([loose, close], [close, loose]):
        found = _scores(said, gold)
        assert found["results.value"] == (1.0, 2.0, 2.0)
        assert found["results.metric"] == (1.0, 2.0, 2.0)
    twins = [Claim(value="3", metric="size"), Claim(value="3", metric="speed")]
    assert _right([loose, close], twins) == [2, 2, 2, 2]


def test_figures_are_over_all_results_of_all_papers() -> None:
    """One of three said, of two wanted in two papers: 33.3, 50 and 40."""
    papers = [_scores([_GOLD, Claim(value="1")], [_GOLD]), _scores([Claim(value="2")], [Claim(value="9")])]
    figures = [value(f"results.method.{name}", papers) for name in ("precision", "recall", "f1")]
    assert figures == pytest.approx([100 / 3, 50.0, 40.0])


def test_a_paper_without_results_counts_what_is_claimed_nevertheless() -> None:
    """People looked and found none, so each claim is wrong; where nobody looked there is no figure."""
    assert _scores([_GOLD], [])["results.value"] == (0.0, 1.0, 0.0)
    assert not score(Prediction(results=(_GOLD,)), example())
    assert not score(Prediction(), example(results=[_GOLD]))


def test_a_claim_that_stands_there_twice_counts_once() -> None:
    """A list that repeats itself is as good as one that does not."""
    assert _scores([_GOLD, _GOLD], [_GOLD])["results.method"] == (1.0, 1.0, 1.0)


def test_baselines_count_where_one_has_one() -> None:
    """Among right values: the same number in another form is right, one that is missing or too many is not."""
    other = Claim(value="3", unit="x")
    right = _scores([_GOLD.model_copy(update={"baseline_value": "76.90"}), other], [_GOLD, other])
    missing = _scores([_GOLD.model_copy(update={"baseline_value": None})], [_GOLD])
    invented = _scores([other.model_copy(update={"baseline_value": "1"})], [other])
    assert right["results.baseline"] == (1.0, 1.0)
    assert missing["results.baseline"] == invented["results.baseline"] == (0.0, 1.0)
    assert "results.baseline" not in _scores([other], [other])
    assert "results.baseline" not in _scores([Claim(value="7", baseline_value="6")], [_GOLD])


def test_of_several_with_one_value_those_are_paired_that_agree_most() -> None:
    """Each is measured against the gold of its own metric, in whichever order they stand."""
    size, speed = Claim(value="3", metric="size", kind="change"), Claim(value="3", metric="speed", baseline_value="1")
    for said in ([size, speed], [speed, size]):
        found = _scores(said, [size, speed])
        assert (found["results.kind"], found["results.baseline"]) == ((2.0, 2.0), (1.0, 1.0))


def test_kinds_count_among_right_values() -> None:
    """A change that is called a score has the right value and the wrong kind."""
    found = _scores([_GOLD.model_copy(update={"kind": "change"}), Claim(value="1")], [_GOLD])
    assert found["results.kind"] == (0.0, 1.0)


_PART = st.sampled_from([None, "size", "speed"])
_CLAIMS = st.lists(
    st.builds(Claim, value=st.sampled_from(["3", "3.0", "4"]), metric=_PART, dataset=_PART, method=_PART), max_size=5
)


@given(_CLAIMS, _CLAIMS)
def test_levels_get_harder_and_order_does_not_matter(said: list[Claim], gold: list[Claim]) -> None:
    """For any claims: never more right than on the level before, nor in another order, and gold finds itself."""
    right = _right(said, gold)
    assert right == sorted(right, reverse=True) == _right(said[::-1], gold[::-1])
    assert _right(gold, gold) == [len(set(gold))] * len(_LEVELS)


def test_every_figure_says_what_it_does_not_measure() -> None:
    """Tables are read without this file."""
    assert all("says nothing of" in metric.about for metric in METRICS if metric.name.startswith("results."))
