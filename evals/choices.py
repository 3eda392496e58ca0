"""Sentences that a model has drawn for papers, with how like they are to those of people: JSON Lines, one a paper."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from pydantic import ValidationError

from evals.metrics.summary import rouge
from summarizer.extension import Choice, Frozen, InputError, LineFile, first_problem


class Choices(Frozen):
    """Those of one paper; the first is the likeliest one."""

    id: str
    by: str
    """The model, and how it has drawn them."""
    choices: tuple[Choice, ...]


class ChoiceFile(LineFile[Choices]):
    """Such a file, which is gone on with."""

    def __init__(self, path: Path) -> None:
        """Open or make it; `OutputError` when that cannot be done or another process writes it."""
        super().__init__(path, _parse, b'{"id":')


def scored(texts: Sequence[str], targets: Sequence[str]) -> tuple[Choice, ...]:
    """Sentences with the mean of ROUGE-1, -2 and -L, each against the target that is most like it."""
    return tuple(Choice(text=text, score=round(fmean(rouge(text, targets).values()), 4)) for text in texts)


def read_choices(path: Path) -> dict[str, tuple[Choice, ...]]:
    """Sentences by the ids of the papers; `InputError` for a file that is none of these."""
    try:
        rows = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(str(path), str(error.strerror)) from error
    return {row.id: row.choices for row in (_parse(str(path), number, line) for number, line in enumerate(rows, 1))}


def _parse(path: str, number: int, line: bytes) -> Choices:
    try:
        return Choices.model_validate_json(line)
    except ValidationError as error:
        raise InputError(path, f"no drawn sentences: {first_problem(error, 'line')}", number) from error
