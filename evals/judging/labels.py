"""Which of two summaries people prefer: what a judge is calibrated against."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from evals.annotating import label_file
from evals.annotating.labels import QUESTION, Winner, unblind
from evals.judging.blinding import Preference
from evals.judging.pairs import Pair
from evals.suites.lines import Row, read_rows

#: To a judge who has to choose, two bad summaries are as good as one another.
_PREFERRED: Final[Mapping[Winner, Preference]] = {"a": "A", "b": "B", "tie": "tie", "both_bad": "tie"}


class Label(Row):
    """One line of a file of labels that was not made by `annotate`; what else it holds is passed over."""

    id: Annotated[str, Field(min_length=1)]
    """Of the sample."""
    annotator: Annotated[str, Field(min_length=1)]
    preference: Preference
    """A is the first run of the command line and B the second."""
    suite: str | None = None
    """Where labels of several suites stand in one file."""
    pair: str | None = None
    """Key of the pair, where it is known: then the label is of these summaries and of no others."""


class _Beginning(Row):
    kind: str | None = None
    """All lines of `annotate` have one."""


def read_labels(path: Path) -> tuple[Label, ...]:
    """The labels of a file, from `annotate` or not; of several of one person for one sample the last one.

    `InputError` with the line of what is none.
    """
    beginning = next((line for _, line in read_rows(path, _Beginning)), _Beginning())
    if beginning.kind is not None:
        return tuple(_annotated(path))
    last = {(label.suite, label.id, label.annotator, label.pair): label for _, label in read_rows(path, Label)}
    return tuple(last.values())


def preferences(labels: Sequence[Label], suite: str) -> Mapping[str, list[Label]]:
    """The labels of one suite, by the id of the sample."""
    found: dict[str, list[Label]] = {}
    for label in labels:
        if label.suite in {None, suite}:
            found.setdefault(label.id, []).append(label)
    return found


def fitting(labels: Mapping[str, Sequence[Label]], pair: Pair) -> list[Label]:
    """What people say of a pair; labels of other summaries of the paper do not count."""
    return [label for label in labels.get(pair.id, ()) if label.pair in {None, pair.key}]


def _annotated(path: Path) -> Iterator[Label]:
    for label in label_file.read_labels(path).labels:
        if label.question == QUESTION:
            winner = unblind(label.seen, label.left_run).winner
            yield Label(
                id=label.id,
                annotator=label.annotator,
                preference=_PREFERRED[winner],
                suite=label.suite,
                pair=label.pair,
            )
