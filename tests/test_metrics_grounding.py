"""Whether the words of an answer are in the paper, from records."""

from evals.examples import Prediction, outcome_of, prediction_of
from evals.metrics import METRICS, score_record
from summarizer import Record
from summarizer.grounding import ground
from summarizer.records import Answer, Caution, ClaimedResult, Evidence, Failure, NamedMethod, Result, Tldr
from tests.scored_papers import evidence, example, mention, method, provenance, record, tag, value

_PAPER = example()


def _scores(made: Record) -> dict[str, tuple[float, ...]]:
    return dict(score_record(made, outcome_of(made), prediction_of(made), _PAPER))


def _result(*flags: str, match: str = "exact") -> Result:
    return Result.model_validate(
        {
            "value": "81.4", "number": 81.4, "unit": "%", "metric": "accuracy", "dataset": None, "method": None,
            "baseline_value": None, "kind": "absolute", "evidence": evidence("81.4% accuracy", match),
            "value_evidence": evidence("81.4", match), "flags": flags,
        }
    )  # fmt: skip


def test_names_are_grounded_as_they_are_or_folded() -> None:
    """Tasks, methods, data sets and metrics count alike; a method that is a tag too counts once."""
    made = record(
        _PAPER,
        tags=(tag("depth of streams", "stream depth"), tag("BrookNet", "BrookNet", "method")),
        methods=(method("BrookNet"), method("tree", "absent")),
        datasets=(mention("PebbleBed", "folded"),),
        metrics=(mention("recall", "absent"),),
    )
    assert _scores(made)["grounded"] == (3.0, 5.0)
    assert "grounded" not in _scores(record(_PAPER))


def test_results_with_a_flag_or_without_their_quote_are_flagged() -> None:
    """Two of three; without results there is no figure."""
    made = record(_PAPER, results=(_result(), _result("value_absent", "metric_absent"), _result(match="absent")))
    assert _scores(made)["flagged"] == (2.0, 3.0)
    assert "flagged" not in _scores(record(_PAPER))


def test_foreign_numbers_and_names_are_told_apart() -> None:
    """By what the summary says, as it was grounded: `97.1%` is a number, `GPT-4` and `DeepRiver` are names."""
    for text, numbers, foreign in (
        ("BrookNet reaches 97.1% on PebbleBed.", 1.0, 0.0),
        ("BrookNet beats GPT-4 and DeepRiver.", 0.0, 1.0),
        ("BrookNet beats GPT-4 by 12 points.", 1.0, 1.0),
        ("BrookNet reaches 81.4% on PebbleBed.", 0.0, 0.0),
    ):
        answer = Answer(
            tldr=text, contribution=None, field=None, modalities=(), tasks=(), methods=(), datasets=(), metrics=(),
            results=(),
        )  # fmt: skip
        found = _scores(record(_PAPER, tldr=ground(answer, _PAPER.paper).tldr))
        assert (found["unsupported_numbers"], found["unsupported_names"]) == ((numbers, 1.0), (foreign, 1.0))


def test_what_stands_in_is_counted() -> None:
    """A sentence of the abstract in place of the model's own words."""
    quote = _PAPER.sentences[1]
    stand_in = Tldr(text=quote, origin="abstract", evidence=Evidence(quote=quote, start=39, end=115, match="exact"))
    assert value("stand_in", [_scores(record(_PAPER, tldr=stand_in)), _scores(record(_PAPER))]) == 50.0


def test_papers_with_a_missed_claim_are_counted() -> None:
    """However many there are in one; other warnings are none."""
    missed = Caution(code="missed_result", message="81.4%: claimed, and in no result")
    papers = [
        _scores(record(_PAPER, warnings=(missed, missed))),
        _scores(record(_PAPER, warnings=(Caution(code="repeated", message="dropped"),))),
    ]
    assert value("missed", papers) == 50.0


def test_the_evidence_of_a_real_answer_is_what_is_counted() -> None:
    """The grounding of an answer goes into the record as it is, and is measured there."""
    claim = ClaimedResult(
        evidence="81.4% accuracy", value="91.4", unit="%", metric="accuracy", dataset=None, method=None,
        baseline_value=None, kind="absolute",
    )  # fmt: skip
    answer = Answer(
        tldr="BrookNet hears depth.", contribution="method", field=None, modalities=(), tasks=(),
        methods=(NamedMethod(name="BrookNet", role="proposed"),), datasets=("PebbleBed", "ImageBank"), metrics=(),
        results=(claim,),
    )  # fmt: skip
    found = ground(answer, _PAPER.paper)
    made = record(
        _PAPER, tldr=found.tldr, methods=found.methods, datasets=found.datasets, results=found.results,
        warnings=found.missed,
    )  # fmt: skip
    scores = _scores(made)
    assert (scores["grounded"], scores["flagged"], scores["missed"]) == ((2.0, 3.0), (1.0, 1.0), (1.0, 1.0))


def test_no_answer_grounds_nothing() -> None:
    """Neither a fault nor an error has evidence, and none of it is 0."""
    for kind in ("schema_error", "transport"):
        made = record(_PAPER, status="failed", tldr=None, contribution=None, failure=Failure(kind=kind, message="m"))
        assert not {"grounded", "missed", "stand_in", "unsupported_names"} & set(_scores(made))


def test_a_plain_summarizer_is_not_asked_for_the_rest() -> None:
    """It has a summary with or without foreign names, and no names or results that could be missed."""
    made = record(_PAPER, contribution=None, provenance=provenance(structured_mode="summary"))
    assert "unsupported_names" in _scores(made)
    assert not {"missed", "grounded"} & set(_scores(made))
    assert prediction_of(made) == Prediction(summary="A network hears how deep streams are.")


def test_it_never_claims_to_be_faithfulness() -> None:
    """Each figure of the words of a summary or a name says so where it is read."""
    names = {"grounded", "unsupported_numbers", "unsupported_names"}
    assert all("not faithfulness" in metric.about for metric in METRICS if metric.name in names)
