"""What made each run: all that can change an answer, and the data that it was asked about."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from evals.reporting.side_by_side import Results, SuiteRun


@dataclass(frozen=True, slots=True)
class Fact:
    """One property of all runs."""

    name: str
    values: tuple[str, ...]
    """One for each run."""

    @property
    def differs(self) -> bool:
        """Whether the runs are not alike in it."""
        return len(set(self.values)) > 1


def facts(results: Results) -> list[Fact]:
    """All that the files of the runs say; what differs comes first, because that is what is compared."""
    told = [_told(run) for run in results.runs]
    found = [Fact(name, tuple(each[name] for each in told)) for name in told[0]]
    return sorted(found, key=lambda fact: not fact.differs)


def described(run: SuiteRun) -> str:
    """A run in a few words: folder, model and prompt."""
    made = run.run.made
    return " · ".join(part for part in (run.folder, made.model, made.prompt) if part)


def _told(run: SuiteRun) -> dict[str, str]:
    made, data = run.run.made.model_dump(mode="json"), run.run.data.model_dump(mode="json")
    folder = {} if run.folder is None else {"folder": run.folder}
    return dict(_flat({**folder, **made, "data": data}))


def _flat(told: dict[str, JsonValue], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in told.items():
        readable = {"version": "summarizer version"}.get(name, name).replace("sha256", "SHA-256").replace("_", " ")
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{readable} ")
        else:
            yield f"{before}{readable}", _text(value)


def _text(value: JsonValue) -> str:
    if isinstance(value, list):  # of pairs of papers, for example: how many there are says enough here
        return str(len(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
