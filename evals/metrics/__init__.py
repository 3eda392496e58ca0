"""The metrics, one module for each part of an answer: pure functions from a paper to what it adds to sums."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from evals.examples import Example, Outcome, Prediction
from evals.metrics import consistency, contribution, grounding, names, results, similarity, summary
from evals.metrics import outcome as outcomes
from evals.metrics.metric import Metric, Sums
from summarizer import Record

#: Those that compare what any system says with gold. Similarity does too, and takes many papers at once.
_PARTS: Final = (summary, names, results, contribution)
#: All metrics, in the order of a table.
METRICS: Final[tuple[Metric, ...]] = tuple(
    metric
    for part in (outcomes, summary, similarity, names, results, contribution, grounding, consistency)
    for metric in part.METRICS
)
#: The same by their names, as they stand in files and on the command line.
NAMED: Final[Mapping[str, Metric]] = MappingProxyType({metric.name: metric for metric in METRICS})

#: Of metrics that people are held against one another by: the sums with as many targets as people have.
FEWER: Final = summary.FEWER


def score(prediction: Prediction, example: Example) -> Sums:
    """What a system that says this about a paper adds to the sums."""
    return {name: sums for part in _PARTS for name, sums in part.score(prediction, example)}


def score_record(record: Record, outcome: Outcome, prediction: Prediction, example: Example) -> Sums:
    """The same for the system under test, which may have failed, and whose evidence is known."""
    sums = dict(outcomes.score(record, outcome))
    if outcome in {"error", "skipped"}:
        return sums
    return {**sums, **score(prediction, example), **dict(grounding.score(record))}
