"""The kind of contribution: one of seven, the main one."""

from collections.abc import Iterator
from typing import Final, get_args

from evals.examples import Example, Prediction
from evals.metrics.metric import Metric, macro_f1, share
from summarizer.extension import Contribution

CLASSES: Final[tuple[Contribution, ...]] = get_args(Contribution)

METRICS = (
    Metric("contribution.accuracy", "contribution", "papers whose kind of contribution is right; high for whoever "
           "always says the most frequent kind", "contribution.accuracy", 2, share, "contribution",
           family="contribution"),
    Metric("contribution.macro_f1", "contribution macro F1", "mean of the F1 of each kind that somebody gives, all "
           "kinds alike; unstable where a kind has few papers", "contribution.macro_f1", 3 * len(CLASSES), macro_f1,
           "contribution", family="contribution"),
)  # fmt: skip


def score(prediction: Prediction, example: Example) -> Iterator[tuple[str, tuple[float, ...]]]:
    """What one paper adds to the sums of `METRICS`; nothing where nobody asked for it or people did not label it."""
    said, gold = prediction.contribution, example.gold.contribution
    if said is None or gold is None:
        return
    yield "contribution.accuracy", (float(said == gold), 1.0)
    yield (
        "contribution.macro_f1",
        tuple(
            float(number) for kind in CLASSES for number in (said == kind and gold == kind, said == kind, gold == kind)
        ),
    )
