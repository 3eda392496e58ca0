"""Whether there is an answer: coverage, faults, time and price."""

import pytest

from evals.examples import Outcome, outcome_of, prediction_of
from evals.metrics import score_record
from summarizer.records import Failure
from tests.scored_papers import example, names, provenance, record, value

_PAPER = example(
    summaries=["A network hears depth."],
    names=names(method=["BrookNet"]),
    contribution="method",
    results=[{"value": "81.4"}],
)


def _scores(kind: str | None, status: str = "failed", **made: object) -> dict[str, tuple[float, ...]]:
    failed = {"status": status, "tldr": None, "contribution": None, "failure": Failure(kind=kind or "", message="m")}
    fields = {} if kind is None else failed
    found = record(_PAPER, **fields, provenance=provenance(**made))
    return dict(score_record(found, outcome_of(found), prediction_of(found), _PAPER))


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("invalid_json", "fault"),
        ("schema_error", "fault"),
        ("truncated", "fault"),
        ("empty", "fault"),
        ("refused", "fault"),
        ("transport", "error"),
        ("rejected", "error"),
        ("out_of_memory", "error"),
        ("prompt_too_long", "error"),
        ("no_outcome", "error"),
    ],
)
def test_a_fault_is_what_the_model_did(kind: str, outcome: Outcome) -> None:
    """It said something that is no answer; what kept it from being asked or heard is an error."""
    made = record(_PAPER, status="failed", tldr=None, failure=Failure(kind=kind, message="m"))
    assert outcome_of(made) == outcome


def test_an_error_is_no_wrong_answer() -> None:
    """Of an answer, a fault and an error: two of three are covered, one of two is a fault, and quality is of two."""
    papers = [_scores(None), _scores("schema_error"), _scores("transport")]
    assert value("coverage", papers) == pytest.approx(200 / 3)
    assert value("faults", papers) == 50.0
    assert set(papers[2]) == {"coverage"}
    assert value("no_summary", papers) == 50.0


def test_a_fault_counts_as_an_empty_answer_everywhere() -> None:
    """Each part that was asked for is missing: no summary, no names, no results, no kind of contribution."""
    found = _scores("schema_error")
    assert found["rouge1"] == found["contribution.accuracy"] == (0.0, 1.0)
    assert found["names.exact"] == found["results.value"] == (0.0, 0.0, 1.0)


def test_a_fault_of_a_plain_summarizer_misses_the_summary_alone() -> None:
    """It was asked for nothing else."""
    found = _scores("empty", structured_mode="summary")
    assert found["rouge1"] == (0.0, 1.0)
    assert not {"names.exact", "results.value", "contribution.accuracy"} & set(found)


def test_what_was_not_asked_is_not_counted() -> None:
    """A paper that was skipped is in no figure."""
    assert _scores("duplicate", status="skipped") == {}


def test_time_and_price_are_those_of_the_first_time() -> None:
    """A record from the cache has them too, and nothing is free because it is known."""
    assert _scores(None, cost_usd=0.01) == _scores(None, cost_usd=0.01, cached=True)
    assert _scores(None, cost_usd=0.01)["cost"] == (0.01, 1.0)
    assert _scores(None)["seconds"] == (2.0, 1.0)


def test_faults_take_time_and_money() -> None:
    """What cannot be read was paid for; where no answer was kept there is no time that could be told."""
    assert _scores("invalid_json", cost_usd=0.5)["cost"] == (0.5, 1.0)
    assert _scores("invalid_json")["seconds"] == (2.0, 1.0)
    assert "seconds" not in _scores("refused", seconds=0.0, created_at=None)


def test_an_unknown_price_is_no_price_of_0() -> None:
    """There is no figure then."""
    assert "cost" not in _scores(None)
