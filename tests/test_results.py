"""Each value of a result has a place of its own in the abstract, or a flag says what is wrong."""

from collections.abc import Callable

import pytest

from summarizer.passages import Passages
from summarizer.records import ClaimedResult, Paper, Result, Source
from summarizer.results import ground_results, missed_claims

_ABSTRACT = (
    "On PebbleBed, BrookNet reaches 81.40% accuracy, compared with 76.9% for a linear model. It improves the recall "
    "from 62.5% to 70% on SiltSet and on MudSet. Training is 3.2 points better in rain and twice as fast, at an error "
    "of 0.25. The error of the linear model is 0.25 as well. We train Llama 3.1 with a learning rate of 0.001 on 5% of "
    "the data, F1: 77, with 10-fold cross-validation (p < 0.05)."
)
_TITLE = "BrookNet: 99.5 percent dry"


def _passages(abstract: str = _ABSTRACT) -> Passages:
    return Passages(Paper(id="a", title=_TITLE, abstract=abstract, source=Source(name="f", line=1)))


def _claim(**changes: str | None) -> ClaimedResult:
    claim: dict[str, str | None] = {
        "evidence": "BrookNet reaches 81.40% accuracy, compared with 76.9%",
        "value": "81.40",
        "unit": "%",
        "metric": "accuracy",
        "dataset": "PebbleBed",
        "method": "BrookNet",
        "baseline_value": "76.9",
        "kind": "absolute",
    }
    return ClaimedResult.model_validate(claim | changes)


def _ground(*claims: ClaimedResult) -> tuple[Result, ...]:
    return ground_results(claims, _passages())


def _place(result: Result) -> str:
    return _ABSTRACT[result.value_evidence.start : result.value_evidence.end]


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({}, ()),
        ({"value": "81.4"}, ()),
        ({"value": "81.40%", "unit": ""}, ()),
        ({"value": "81.41"}, ("value_absent",)),
        ({"value": "-81.40"}, ("value_absent",)),
        ({"value": "62.5", "baseline_value": None}, ("value_elsewhere", "metric_elsewhere")),
        ({"unit": ""}, ("unit_mismatch", "baseline_absent")),
        ({"unit": "points"}, ("unit_mismatch", "baseline_absent")),
        ({"baseline_value": "76.8"}, ("baseline_absent",)),
        ({"baseline_value": "62.5"}, ("baseline_elsewhere",)),
        ({"baseline_value": "81.4"}, ("baseline_absent",)),
        ({"metric": "F1"}, ("metric_elsewhere",)),
        ({"metric": "precision"}, ("metric_absent",)),
        ({"dataset": "GhostSet"}, ("dataset_absent",)),
        ({"method": "GhostNet"}, ("method_absent",)),
        ({"metric": None, "dataset": None, "method": None, "baseline_value": None}, ()),
    ],
)
def test_every_part_of_a_result_is_checked(changes: dict[str, str | None], flags: tuple[str, ...]) -> None:
    """What the abstract does not say, or says elsewhere, of a value, its unit, baseline, metric or names is flagged."""
    (result,) = _ground(_claim(**changes))
    assert result.flags == flags


@pytest.mark.parametrize(
    ("value", "unit", "evidence", "place", "match"),
    [
        ("81.40", "%", "reaches 81.40%", "81.40", "exact"),
        ("81.4", "%", "reaches 81.40%", "81.4", "exact"),
        ("70.0", "%", "to 70% on SiltSet", "70%", "folded"),
        ("2", "x", "twice as fast", "twice", "folded"),
        ("twice", "", "twice as fast", "twice", "exact"),
        ("from 62.5% to 70%", "", "from 62.5% to 70%", "from 62.5% to 70%", "exact"),
        ("no number", "", "twice as fast", "", "absent"),
    ],
)
def test_a_value_has_a_place(value: str, unit: str, evidence: str, place: str, match: str) -> None:
    """The evidence of a value is the number itself, however it is written there."""
    (result,) = _ground(_claim(value=value, unit=unit, evidence=evidence, baseline_value=None, metric=None))
    assert result.value_evidence.match == match
    assert (result.flags == ("value_absent",)) == (match == "absent")
    assert (_place(result) if place else "") == place


@pytest.mark.parametrize(
    ("abstract", "value", "unit", "flags"),
    [
        (r"It hears 80-95\% of storms.", "80-95", "%", ()),
        ("It is 2-3x faster.", "2-3", "x", ()),
        ("It is 2\u20133x faster.", "2-3", "x", ()),
        ("Losses fall by 20 to 50%.", "20-50", "%", ()),
        ("It is 2-3x faster.", "2-3", "%", ("unit_mismatch",)),
        ("It is 2-3x faster.", "2-4", "x", ("value_absent",)),
        ("It hears 2 of 3%.", "2-3", "%", ("value_absent",)),
        ("It hears 2-3%.", "2 of 3", "%", ("value_absent",)),
    ],
)
def test_a_range_has_a_place(abstract: str, value: str, unit: str, flags: tuple[str, ...]) -> None:
    """It is found by its two ends, however the text joins them and goes on, and by nothing less."""
    claim = _claim(
        evidence=abstract, value=value, unit=unit, metric=None, dataset=None, method=None, baseline_value=None
    )
    (result,) = ground_results([claim], _passages(abstract))
    assert result.flags == flags


def test_a_value_of_the_title_is_not_absent() -> None:
    """A number that only the title has is found there."""
    (result,) = _ground(_claim(value="99.5", unit="percent", baseline_value=None, metric=None))
    assert (result.flags, result.value_evidence.where) == ((), "title")


def test_the_same_number_twice_has_two_places() -> None:
    """Two claims of 0.25 go to the two places that say so, in order; a third has none left and is flagged."""
    claim = _claim(value="0.25", unit="", evidence="0.25", metric="error", baseline_value=None)
    results = _ground(
        claim, claim.model_copy(update={"dataset": "SiltSet"}), claim.model_copy(update={"dataset": None})
    )
    starts = [result.value_evidence.start for result in results]
    assert starts == [_ABSTRACT.index("0.25"), _ABSTRACT.rindex("0.25"), starts[0]]
    assert [result.flags for result in results] == [(), (), ("value_reused",)]
    assert results[1].evidence.start == starts[1]


def test_a_value_given_to_two_datasets_is_flagged() -> None:
    """The text may mean both, but it says the number once."""
    claims = [_claim(value="70", evidence="to 70%", metric="recall", dataset=name) for name in ("SiltSet", "MudSet")]
    assert [result.flags[:1] for result in _ground(*claims)][1] == ("value_reused",)


def test_value_and_baseline_that_are_crossed_are_flagged() -> None:
    """`from 62.5% to 70%` makes 62.5 the baseline."""
    right = _claim(value="70", baseline_value="62.5", evidence="from 62.5% to 70%", metric="recall")
    crossed = _claim(value="62.5", baseline_value="70", evidence="from 62.5% to 70%", metric="recall")
    assert [result.flags for result in (*_ground(right), *_ground(crossed))] == [(), ("crossed",)]


def test_claims_that_no_result_holds_are_told() -> None:
    """Scores, changes and ratios of the abstract are told, with their places; sizes, settings and versions are not."""
    passages = _passages()
    cautions = list(missed_claims(ground_results([_claim()], passages), passages))
    assert [caution.evidence.quote for caution in cautions if caution.evidence] == [
        *("62.5%", "70%", "3.2 points", "twice", "0.25", "0.25", "77")
    ]
    for caution in cautions:
        assert caution.evidence is not None
        assert _ABSTRACT[caution.evidence.start : caution.evidence.end] == caution.evidence.quote


def test_what_is_missed_is_bounded() -> None:
    """A table of a thousand numbers makes no thousand warnings."""
    passages = _passages("It reaches 5.5%. " * 1_000)
    assert len(list(missed_claims([], passages))) == 30


@pytest.mark.parametrize("make", [_passages])
def test_a_quote_that_is_absent_leaves_its_value_findable(make: Callable[[], Passages]) -> None:
    """The number is looked for in the whole abstract, and only the quote is marked."""
    (result,) = ground_results([_claim(evidence="it reaches 81.40% of all accuracy")], make())
    assert (result.evidence.match, result.flags) == ("absent", ())
