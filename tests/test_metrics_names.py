"""Names as sets: three tiers, typed and untyped, aliases, and what cannot be known from the abstract."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.examples import GoldName, Prediction
from evals.metrics import METRICS, score
from evals.metrics.names import count, fold, overlap
from tests.scored_papers import example, names, naming, value

_GOLD = names(
    task=["depth guessing"],
    method=["BrookNet|BN", "linear model"],
    dataset=["Pebble-Bed", "River Bank v2"],
    metric=["accuracy"],
)


def _scores(prediction: dict[str, list[str]], gold: dict[str, tuple[GoldName, ...]]) -> dict[str, tuple[float, ...]]:
    return dict(score(naming(**prediction), example(names=gold)))


def test_tiers_forgive_step_by_step() -> None:
    """Exact wants the string, folded the words, overlap more than half of them; each is a figure of its own."""
    found = _scores(
        {"task": ["depth guessing"], "method": [], "dataset": ["pebble bed", "The River Bank"], "metric": ["recall"]},
        _GOLD,
    )
    # One of four said and six wanted; two; two: `the river bank` has two of four words.
    assert found["names.exact"] == (1.0, 4.0, 6.0)
    assert found["names.folded"] == (2.0, 4.0, 6.0)
    assert found["names.overlap"] == (2.0, 4.0, 6.0)
    assert _scores({"dataset": ["River Bank"]}, _GOLD)["names.overlap"] == (1.0, 1.0, 6.0)
    assert _scores({"dataset": ["River Bank"]}, _GOLD)["names.folded"] == (0.0, 1.0, 6.0)


def test_figures_are_over_all_names_of_all_papers() -> None:
    """Two of three said, of five wanted in two papers: 66.7, 40 and 50, and not the mean of two papers."""
    one = _scores({"method": ["BrookNet", "tree"]}, names(method=["BrookNet"]))
    two = _scores({"method": ["a b"]}, names(method=["a b", "c", "d", "e"]))
    figures = [value(f"names.exact.{name}", [one, two]) for name in ("precision", "recall", "f1")]
    assert figures == pytest.approx([200 / 3, 40.0, 50.0])


def test_a_name_of_another_kind_is_right_only_untyped() -> None:
    """What is a method and is called a task is one of both in the untyped figures."""
    found = _scores({"task": ["linear model"]}, _GOLD)
    assert found["names.folded"] == (0.0, 1.0, 6.0)
    assert found["names.untyped.folded"] == (1.0, 1.0, 6.0)


def test_untyped_a_name_in_two_kinds_is_one() -> None:
    """Who says it twice says it once, and it is wanted once."""
    found = _scores({"task": ["parsing"], "method": ["parsing"]}, names(task=["parsing"], method=["parsing"]))
    assert found["names.exact"] == (2.0, 2.0, 2.0)
    assert found["names.untyped.exact"] == (1.0, 1.0, 1.0)


def test_kinds_have_their_own_figure() -> None:
    """Folded, and only for kinds that people labelled."""
    found = _scores({"method": ["brooknet"], "dataset": ["PebbleBed"]}, _GOLD)
    assert value("names.method.f1", [found]) == pytest.approx(100 * 2 / 3)
    assert value("names.dataset.f1", [found]) == 0.0
    assert "names.dataset" not in _scores({"dataset": ["PebbleBed"]}, names(method=["BrookNet"]))


def test_any_form_counts_and_each_gold_name_once() -> None:
    """The alias is as right as the name; both together are one right name of two that were said."""
    gold = names(method=["BrookNet|BN"])
    assert _scores({"method": ["BN"]}, gold)["names.exact"] == (1.0, 1.0, 1.0)
    assert _scores({"method": ["BN", "BrookNet"]}, gold)["names.exact"] == (1.0, 2.0, 1.0)


def test_forms_that_two_names_have_are_given_out_well() -> None:
    """`BN` may be either of two networks: it is the one that is left."""
    gold = names(method=["BankNet|BN", "BrookNet|BN"])
    for order in (["BN", "BankNet"], ["BankNet", "BN"], ["BN", "BrookNet"]):
        assert _scores({"method": order}, gold)["names.exact"] == (2.0, 2.0, 2.0)


def test_a_name_that_is_said_twice_is_said_once() -> None:
    """In another case it is another one to the exact tier alone."""
    found = _scores({"method": ["BrookNet", "BrookNet", "Brooknet"]}, names(method=["BrookNet"]))
    assert found["names.exact"] == (1.0, 2.0, 1.0)
    assert found["names.folded"] == (1.0, 1.0, 1.0)


def test_kinds_that_nobody_labelled_are_not_counted() -> None:
    """Where people labelled methods alone, data sets are neither right nor wrong; no labels, no figure."""
    assert _scores({"method": [], "dataset": ["PebbleBed"]}, names(method=["BN"]))["names.exact"] == (0.0, 0.0, 1.0)
    assert not _scores({"dataset": ["PebbleBed"]}, {})
    assert not score(Prediction(), example(names=_GOLD))


def test_what_people_labelled_as_nothing_is_nothing() -> None:
    """An empty list is an answer: each name that is said there is wrong, and silence has no figure."""
    assert _scores({"dataset": ["PebbleBed"]}, names(dataset=[]))["names.exact"] == (0.0, 1.0, 0.0)
    assert value("names.exact.precision", [_scores({"dataset": ["PebbleBed"]}, names(dataset=[]))]) == 0.0
    silent = value("names.exact.f1", [_scores({"dataset": []}, names(dataset=[]))])
    assert silent != silent  # noqa: PLR0124 - NaN, the mean of nothing


def test_what_the_abstract_does_not_state_is_not_wanted() -> None:
    """It is kept out of recall, and who says it is neither right nor wrong there: that is told as invented."""
    gold = names(dataset=["PebbleBed", "?ImageBank|IB", "?RiverBank"])
    knowing = _scores({"dataset": ["PebbleBed", "ib"]}, gold)
    reading = _scores({"dataset": ["PebbleBed"]}, gold)
    assert knowing["names.folded"] == reading["names.folded"] == (1.0, 1.0, 1.0)
    assert value("names.invented", [knowing]) == 50.0
    assert value("names.invented", [reading]) == 0.0
    # Exactly written it is not, and to the exact tier something else.
    assert knowing["names.exact"] == (1.0, 2.0, 1.0)


def test_who_says_all_that_is_stated_and_nothing_else_has_all_of_it() -> None:
    """The ceiling is 100 and no invention, whatever the abstract leaves out."""
    found = _scores(
        {"dataset": ["PebbleBed"], "metric": []}, names(dataset=["PebbleBed", "?ImageBank"], metric=["?F1"])
    )
    assert value("names.exact.f1", [found]) == 100.0
    assert value("names.invented", [found]) == 0.0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("State-of-the-art  parsing", "state of the ART parsing", True),
        ("CIFAR-10", "CIFAR 10", True),
        ("“Pebble” Bed", "pebble bed", True),
        ("\uff22rook", "brook", True),
        ("Straße", "STRASSE", True),
        ("CIFAR-10", "CIFAR-100", False),
        ("C++", "C", False),
        ("Net+", "Net", False),
        ("PebbleBed", "Pebble Bed", False),
        ("?!", "!?", False),
    ],
)
def test_folding_forgives_how_a_name_looks(one: str, other: str, *, same: bool) -> None:
    """Case, punctuation, white space and width; signs that make another name stay."""
    assert (fold(one) == fold(other)) == same


def test_overlap_is_shared_words_of_all_words() -> None:
    """Two of three are more than half, one of two is just half and not enough; repeated words count again."""
    assert overlap("river bank v2", "river bank") == pytest.approx(2 / 3)
    assert overlap("river bank", "river") == 0.5
    assert overlap("a a b", "a b") == pytest.approx(2 / 3)
    assert _scores({"dataset": ["river"]}, names(dataset=["river bank"]))["names.overlap"] == (0.0, 1.0, 1.0)


def test_the_nearest_pair_is_taken_first() -> None:
    """A name that is near to two takes the nearer one and leaves the other, in whichever order they are said."""
    gold = names(dataset=["deep river bank", "deep river bank set two"])
    for order in (["deep river bank set", "deep river"], ["deep river", "deep river bank set"]):
        assert _scores({"dataset": order}, gold)["names.overlap"] == (2.0, 2.0, 2.0)


def test_a_name_that_two_of_gold_have_is_counted_the_same_in_any_order() -> None:
    """One that the abstract states takes one of two names, and the other one is invented or not, whoever came first."""
    gold = [GoldName(name="A", stated=False), GoldName(name="AA", aliases=("A",))]
    assert count(["A", "AA"], gold, "exact") == count(["AA", "A"], gold, "exact")


_NAME = st.text("abAB -", min_size=1, max_size=5).filter(str.strip)
_FORMS = st.builds(GoldName, name=_NAME, aliases=st.lists(_NAME, max_size=2).map(tuple), stated=st.booleans())


@given(st.lists(_NAME | st.text(max_size=4), max_size=6), st.lists(_FORMS, max_size=5))
def test_counts_fit_for_any_names(written: list[str], gold: list[GoldName]) -> None:
    """Nothing is right that is not said or not wanted; order does not matter; the whole gold finds all of itself."""
    for tier in ("exact", "folded", "overlap"):
        found = count(written, gold, tier)
        assert 0 <= found.right <= min(found.said, found.wanted)
        assert found.invented <= found.unstated
        assert found == count(written[::-1], gold, tier)
        ceiling = count([name.name for name in gold if name.stated], gold, tier)
        assert ceiling.right == ceiling.said == ceiling.wanted


def test_every_figure_says_what_it_does_not_measure() -> None:
    """Tables are read without this file."""
    assert all(
        "says nothing of" in metric.about or "not seen" in metric.about for metric in METRICS if "names." in metric.name
    )
