"""The metrics, one module for each part of an answer: pure functions from a paper to what it adds to sums."""

from typing import Final

from evals.examples import Example, Outcome, Prediction
from evals.metrics import outcome as outcomes
from evals.metrics import summary
from evals.metrics.metric import Metric, Sums
from summarizer import Record

_PARTS: Final = (summary,)
#: All metrics, in the order of a table.
METRICS: Final[tuple[Metric, ...]] = (*outcomes.METRICS, *(metric for part in _PARTS for metric in part.METRICS))


def score(prediction: Prediction, example: Example) -> Sums:
    """What a system that says this about a paper adds to the sums."""
    return {name: sums for part in _PARTS for name, sums in part.score(prediction, example)}


def score_record(record: Record, outcome: Outcome, prediction: Prediction, example: Example) -> Sums:
    """The same for the system under test, which may have failed."""
    sums = dict(outcomes.score(record, outcome))
    return sums if outcome in {"error", "skipped"} else {**sums, **score(prediction, example)}
