"""What has to hold before a change ships: a TOML file of gates, each of which holds or breaks.

    [[gate]]
    suite = "scitldr"
    metric = "rouge1"
    margin = 2.0        # B may not be worse than A by more than this; breaks unless the 95 % interval excludes it
    at_least = 30.0     # of the value of B on the papers that both have; not of its interval, which moves with the seed
    at_most = 60.0      # both in the unit of the metric; points go from 0 to 100
    not_worse = true    # breaks when the word is `worse`, and so never where papers are too few to say so

A gate may have any of the four. One about a suite or a metric that was not compared breaks; a metric that does not
exist is an error.
"""

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from evals.comparing import Compared, Comparison
from evals.metrics import NAMED
from evals.statistics import FEWEST, RULE_OF_THREE, enough
from summarizer.extension import Frozen, SettingsError

#: Taken when it is in the current folder and no other is named.
DEFAULT_FILE: Final = "gates.toml"

Name = Annotated[str, Field(min_length=1)]


def _known(name: str) -> str:
    if name not in NAMED:
        known = {"name": repr(name), "names": ", ".join(NAMED)}
        raise PydanticCustomError("unknown", "there is none of the name {name}; choose from {names}", known)
    return name


class Gate(Frozen):
    """What has to hold for one metric of a suite."""

    # Strict: to Python, true is the number 1.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    suite: Name
    metric: Annotated[str, AfterValidator(_known)]
    margin: Annotated[float, Field(gt=0.0)] | None = None
    at_least: float | None = None
    at_most: float | None = None
    not_worse: bool = False

    @model_validator(mode="after")
    def _check_asks(self) -> Self:
        if self.margin is None and self.at_least is None and self.at_most is None and not self.not_worse:
            raise PydanticCustomError("nothing", "it asks for nothing: give margin, at_least, at_most or not_worse")
        return self


class Gates(Frozen):
    """The file."""

    gate: tuple[Gate, ...] = ()


class Gated(Frozen):
    """A comparison and what the gates say of it."""

    comparison: Comparison
    gates: int
    """How many were looked at."""
    broken: tuple[str, ...]
    """One line for each that breaks."""


def find_gates(path: Path | None) -> tuple[Gate, ...]:
    """The gates of a file; without a name those of `./gates.toml`, and none where that is not there.

    `SettingsError` says at which gate what does not fit.
    """
    if path is None and not Path(DEFAULT_FILE).is_file():
        return ()
    path = path or Path(DEFAULT_FILE)
    try:
        gates = Gates.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).gate
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read as TOML: {error}") from error
    except ValidationError as error:
        problems = "; ".join(_explain(problem) for problem in error.errors(include_url=False))
        raise SettingsError(f"{path}: {problems}") from error
    if not gates:
        raise SettingsError(f"{path}: has no gate; write [[gate]] above each")
    return gates


def judge(gates: Sequence[Gate], comparison: Comparison) -> Gated:
    """Look at all gates; a line of a broken one has its number in the file, from 1, and all that breaks it."""
    there = {(suite.suite, one.metric): one for suite in comparison.suites for one in suite.metrics}
    broken = []
    for number, gate in enumerate(gates, start=1):
        found = there.get((gate.suite, gate.metric))
        reasons = list(_reasons(gate, found)) if found else ["it was not compared: neither suite nor metric may lack"]
        if reasons:
            broken.append(f"gate {number}, {gate.suite} {gate.metric}: {'; '.join(reasons)}")
    return Gated(comparison=comparison, gates=len(gates), broken=tuple(broken))


def _reasons(gate: Gate, found: Compared) -> Iterator[str]:
    if found.better == "neither" and (gate.margin is not None or gate.not_worse):
        yield "of this metric neither more nor less is better: use at_least or at_most"
    elif gate.margin is not None:
        yield from _worse_than_margin(gate.margin, found)
    if gate.not_worse and found.word == "worse":
        yield f"B is worse: {_difference(found)}"
    if gate.at_least is not None and (found.b is None or found.b < gate.at_least):
        yield f"B has {_value(found.b)}, and at least {gate.at_least:g} is asked for"
    if gate.at_most is not None and (found.b is None or found.b > gate.at_most):
        yield f"B has {_value(found.b)}, and at most {gate.at_most:g} is asked for"


def _worse_than_margin(margin: float, found: Compared) -> Iterator[str]:
    if found.low is None or found.high is None:
        yield "there is no interval of the difference"
    elif found.documents < FEWEST:
        yield f"{found.documents} documents are too few to say anything: have at least {FEWEST}"
    elif found.unit == "points" and not enough(found.documents, margin):
        seen = 100.0 * RULE_OF_THREE / found.documents
        yield f"{found.documents} documents cannot show less than {seen:.2g} points: have more, or a larger margin"
    else:
        worst = -found.low if found.better == "higher" else found.high
        if worst > margin:
            yield f"B may be worse by {worst:.4g}, and {margin:g} is allowed: {_difference(found)}"


def _difference(found: Compared) -> str:
    return (
        f"difference {_signed(found.difference)} [{_signed(found.low)}, {_signed(found.high)}] {found.unit},"
        f" {found.papers} papers"
    )


def _signed(value: float | None) -> str:
    return "none" if value is None else f"{value:+.4g}"


def _value(value: float | None) -> str:
    return "no value" if value is None else f"{value:.4g}"


def _explain(problem: ErrorDetails) -> str:
    place = problem["loc"]
    number = next((part for part in place if isinstance(part, int)), None)
    where = f"gate {number + 1}: " if number is not None else ""
    key = str(place[-1])
    if problem["type"] == "extra_forbidden":
        known = ", ".join(Gates.model_fields if number is None else Gate.model_fields)
        return f"{where}there is no key {key!r}; known: {known}"
    if problem["type"] == "tuple_type":
        return f"{key}: is one table; write [[{key}]], with two brackets, above each gate"
    if isinstance(place[-1], int):
        return f"{where}{problem['msg']}"
    return f"{where}{key}: {problem['msg']}"
