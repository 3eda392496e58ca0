"""Which of two summaries people prefer: what a judge is calibrated against."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from evals.judging.blinding import Preference
from evals.suites.lines import Row, read_rows


class Label(Row):
    """One line of a file of labels; what else it holds is passed over."""

    id: Annotated[str, Field(min_length=1)]
    """Of the sample."""
    annotator: Annotated[str, Field(min_length=1)]
    preference: Preference
    """A is the first run of the command line and B the second, for `annotate` as for `judge`."""
    suite: str | None = None
    """Where labels of several suites stand in one file."""


def read_labels(path: Path) -> list[Label]:
    """The labels of a file; of several of one person for one sample the last one. `InputError` with the line."""
    last = {(label.suite, label.id, label.annotator): label for _, label in read_rows(path, Label)}
    return list(last.values())


def by_sample(labels: list[Label], suite: str) -> dict[str, list[Preference]]:
    """What people prefer, by the id of the sample, for one suite."""
    found: dict[str, list[Preference]] = {}
    for label in labels:
        if label.suite in {None, suite}:
            found.setdefault(label.id, []).append(label.preference)
    return found
