"""Sentences that a model has drawn for papers, to learn which are like those of people: JSON Lines, one for a paper."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from pydantic import Field, ValidationError

from evals.metrics.summary import rouge
from summarizer.extension import Choice, Frozen, InputError, Lesson, LineFile, first_problem


class Drawn(Frozen):
    """The sentences of one paper; the first is the likeliest one."""

    id: str
    by: str
    """The model, and how it has drawn them."""
    sentences: tuple[str, ...] = Field(min_length=1)


class DrawnFile(LineFile[Drawn]):
    """Such a file, which is gone on with."""

    def __init__(self, path: Path) -> None:
        """Open or make it; `OutputError` when that cannot be done or another process writes it."""
        super().__init__(path, _parse, b'{"id":')


def scored(sentences: Sequence[str], targets: Sequence[str]) -> tuple[Choice, ...]:
    """Sentences with the mean of ROUGE-1, -2 and -L, each against the target that is most like it."""
    return tuple(Choice(text=text, score=fmean(rouge(text, targets).values())) for text in sentences)


def with_choices(lessons: Sequence[Lesson], drawn: Mapping[str, Sequence[str]]) -> Iterator[Lesson]:
    """Give the first lesson of each paper with summaries its sentences, by its id, scored by all summaries of it."""
    targets: dict[str, list[str]] = {}
    for lesson in lessons:
        if lesson.sentence is not None:
            targets.setdefault(lesson.paper.id, []).append(lesson.sentence)
    left = dict(drawn)
    for lesson in lessons:
        sentences = left.pop(lesson.paper.id, ()) if lesson.sentence is not None else ()
        choices = scored(sentences, targets[lesson.paper.id]) if sentences else ()
        yield lesson.model_copy(update={"choices": choices}) if choices else lesson


def read_drawn(path: Path) -> dict[str, tuple[str, ...]]:
    """Sentences by the ids of the papers; `InputError` for a file that is none of these."""
    try:
        rows = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(str(path), str(error.strerror)) from error
    return {row.id: row.sentences for row in (_parse(str(path), number, line) for number, line in enumerate(rows, 1))}


def _parse(path: str, number: int, line: bytes) -> Drawn:
    try:
        return Drawn.model_validate_json(line)
    except ValidationError as error:
        raise InputError(path, f"no drawn sentences: {first_problem(error, 'line')}", number) from error
