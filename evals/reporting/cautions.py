"""What has to be said beside every table, so that nobody takes a figure for more than it is."""

from collections.abc import Sequence
from typing import Final

from evals.baselines import TITLE
from evals.metrics.metric import Metric
from evals.reporting.numbers import amount
from evals.reporting.side_by_side import Results, value_of
from evals.samples import PEOPLE
from evals.statistics import FEWEST, RESAMPLES

_LIKENESS: Final = (
    "These figures count what is like the answer of people, not what is right: people overlook things and disagree."
)
_RULE: Final = (
    "No answer of people stands behind these figures: they are counted by rule, and say nothing about whether a "
    "summary is right."
)


def caution(metrics: Sequence[Metric], results: Results) -> str:
    """What belongs to a table of these metrics above all."""
    if any(map(_is_rouge, metrics)):
        return _rouge(results)
    return _LIKENESS if any(metric.family not in {"", "unsupported"} for metric in metrics) else _RULE


def cautions(results: Results) -> list[str]:
    """Sentences that hold for all tables of a suite."""
    said = [
        (
            f"Brackets are 95 % intervals: papers were drawn again {RESAMPLES:,} times. That two of them overlap is no "
            "test; whether runs differ is what the command compare tells. Where no paper, or every paper, has "
            "something, the bound is that of the rule of three: up to 3 in n may be otherwise."
        )
    ]
    if results.papers < FEWEST:
        said.append(f"With fewer than {FEWEST} papers these intervals are too narrow: take them as a hint.")
    if any(line.kind == "oracle" for line in results.lines):
        said.append("An oracle has looked at the answer: it bounds what copying can reach, and is nobody's result.")
    if any(line.kind == "people" for line in results.lines):
        said.append(
            f"The row {PEOPLE!r} is one person against the others, of papers with several targets: one target fewer "
            "than a run has, which makes it some points lower. What is beyond it on the same papers and as many "
            "targets is marked saturated: more of that figure means nothing."
        )
    return said


def _is_rouge(metric: Metric) -> bool:
    return metric.family.endswith("rouge")


def _rouge(results: Results) -> str:
    title = next((line for line in results.lines if line.system == TITLE), None)
    metric = next(filter(_is_rouge, results.metrics))
    value = value_of(title, metric) if title else None
    # The lines above show whether that is high.
    title_alone = "scores high" if value is None else f"has {amount(value, metric)} {metric.title}"
    return (
        "ROUGE lies easily: it counts words that are shared with a summary by people, not whether anything is true. "
        f"The bare title {title_alone}, the length of a summary agrees better with people, and scores without stemming "
        "or of another choice of target are other numbers, up to four points away."
    )
