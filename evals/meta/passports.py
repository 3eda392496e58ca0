"""The passports of the metrics: what was measured of their agreement with people, by whom, on what, and when."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import Field, PositiveInt

from summarizer.extension import Frozen

_FIGURES = {
    "spearman": "Spearman {:+.3f}",
    "given_length": "Spearman at equal length {:+.3f}",
    "pair_accuracy": "{:.1f} % of pairs",
    "auroc": "AUROC {:.3f}",
}
_JUDGEMENTS = {"nuggets": "with the nuggets of {} summaries", "edits": "for wrong ones among {} changed summaries"}
#: What is said of a metric without an entry.
UNMEASURED = "not measured"


class Measured(Frozen):
    """One figure of a metric's agreement with people."""

    metric: str
    judgement: Literal["nuggets", "edits"]
    figure: Literal["spearman", "given_length", "pair_accuracy", "auroc"]
    value: float
    interval: tuple[float, float] | None = None
    """Bounds of the 95 % interval, where they are known."""
    texts: PositiveInt
    by: Literal["protocol", "code"]
    """By other code with the protocol of `docs/belief.md`, or by this code."""
    date: str = Field(pattern=r"^20\d\d-\d\d$")
    definition: Literal["same", "near"] = "same"
    """Whether the metric was the one that is here."""
    note: str = ""

    def __str__(self) -> str:
        """As people read it."""
        text = _FIGURES[self.figure].format(self.value)
        if self.interval is not None:
            text += " [{:.2f}, {:.2f}]".format(*self.interval)
        text += f" {_JUDGEMENTS[self.judgement].format(self.texts)}"
        made = "by this code" if self.by == "code" else "same protocol, other code"
        return f"{text} ({'; '.join(part for part in (made, self.date, self.note) if part)})"


class _Passports(Frozen):
    measured: tuple[Measured, ...]


@cache
def passports() -> tuple[Measured, ...]:
    """All that was measured, in the order of the file that ships."""
    content = files("evals.meta").joinpath("passports.toml").read_text(encoding="utf-8")
    return _Passports.model_validate(tomllib.loads(content)).measured


def passport(metric: str) -> tuple[Measured, ...]:
    """What was measured of one metric; nothing is nothing."""
    return tuple(one for one in passports() if one.metric == metric)


def told(metric: str) -> str:
    """The passport in one line, for a table: what was measured, or that nothing was."""
    return "; ".join(map(str, passport(metric))) or UNMEASURED
