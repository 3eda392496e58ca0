"""Whether there is an answer at all. An error on the way is not a wrong answer: it is told, and has no other figure.

A fault is the model's own: what it said cannot be read, breaks the form, is cut off, empty, or a refusal. It is an
answer, and an empty one in all figures. An error is anything else that kept an answer from being there, such as a
server that was down, a prompt that was too long or memory that ran out: that paper has no figure besides coverage.
Time and price are those of the answer when it was made, also where it comes from the cache now.
"""

from collections.abc import Iterator

from evals.examples import Outcome
from evals.metrics.metric import Metric, mean, share
from summarizer import Record

#: These figures stand before all others of a suite.
PART = "answers"

METRICS = (
    Metric("coverage", "coverage", "papers that were asked about and got an answer, readable or not", "coverage", 2,
           share, PART),
    Metric("faults", "no answer in it", "answers that cannot be read, cut off or refused; they count as empty",
           "faults", 2, share, PART, better="lower"),
    Metric("seconds", "seconds a paper", "time of the model for a paper, when it was asked first; not the waiting "
           "around it, and of another machine another time", "seconds", 2, mean, PART, "seconds", "lower"),
    Metric("cost", "USD a paper", "price of a paper, when it was asked first; nothing where the price is unknown",
           "cost", 2, mean, PART, "USD", "lower"),
)  # fmt: skip


def score(record: Record, outcome: Outcome) -> Iterator[tuple[str, tuple[float, ...]]]:
    """What one record adds to the sums of `METRICS`."""
    if outcome == "skipped":
        return
    yield "coverage", (float(outcome != "error"), 1.0)
    if outcome == "error":
        return
    yield "faults", (float(outcome == "fault"), 1.0)
    made = record.provenance
    # What was refused or cut off may have no answer that was kept, and then no time.
    if made is not None and made.created_at is not None:
        yield "seconds", (made.seconds, 1.0)
    if made is not None and made.cost_usd is not None:
        yield "cost", (made.cost_usd, 1.0)
