"""Whether there is an answer at all. An error on the way is not a wrong answer: it is told, and has no other figure."""

from collections.abc import Iterator

from evals.examples import Outcome
from evals.metrics.metric import Metric, mean, share
from summarizer import Record

METRICS = (
    Metric("coverage", "coverage", "papers that were asked about and got an answer, readable or not", "coverage", 2,
           share),
    Metric("faults", "no answer in it", "answers that cannot be read, cut off or refused; they count as empty",
           "faults", 2, share, better="lower"),
    Metric("seconds", "s a paper", "time of the model for a paper, when it was asked first", "seconds", 2, mean,
           "seconds", "lower"),
    Metric("cost", "USD a paper", "price of a paper, when it was asked first; nothing where the price is unknown",
           "cost", 2, mean, "USD", "lower"),
)  # fmt: skip


def score(record: Record, outcome: Outcome) -> Iterator[tuple[str, tuple[float, ...]]]:
    """What one record adds to the sums of `METRICS`."""
    if outcome == "skipped":
        return
    yield "coverage", (float(outcome != "error"), 1.0)
    if outcome != "error":
        yield "faults", (float(outcome == "fault"), 1.0)
    made = record.provenance
    if made is not None and outcome == "answered":
        yield "seconds", (made.seconds, 1.0)
        if made.cost_usd is not None:
            yield "cost", (made.cost_usd, 1.0)
