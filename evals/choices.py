"""Sentences that a model has drawn for papers, to learn those that are like people's: JSON Lines, one for a paper."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from operator import itemgetter
from pathlib import Path
from statistics import fmean

from pydantic import Field, ValidationError

from evals.metrics.summary import rouge
from summarizer import Paper
from summarizer.extension import Frozen, InputError, Lesson, LineFile, Worth, first_problem


class Drawn(Frozen):
    """The sentences of one paper; the first is the likeliest one."""

    id: str
    text: str
    """`fingerprint` of the paper: ids of two files can be the same."""
    by: str
    """The model, and how it has drawn them."""
    sentences: tuple[str, ...] = Field(min_length=1)


class DrawnFile(LineFile[Drawn]):
    """Such a file, which is gone on with."""

    def __init__(self, path: Path) -> None:
        """Open or make it; `OutputError` when that cannot be done or another process writes it."""
        super().__init__(path, _parse, b'{"id":')


def fingerprint(paper: Paper) -> str:
    """SHA-256 of the text without its title, which may be withheld, so that a paper is known with and without one."""
    return sha256(" ".join((paper.abstract or paper.title).split()).encode()).hexdigest()


def likeness(text: str, targets: Sequence[str]) -> float:
    """The mean of ROUGE-1, -2 and -L against the target that is most like it, from 0 to 1."""
    return fmean(rouge(text, targets).values())


def worths(sentences: Sequence[str], target: str) -> list[float]:
    """How like each is to that of people and, half as much, to the others: one reference is chance. From 0 to 1."""

    def worth(at: int) -> float:
        others = [likeness(sentences[at], (other,)) for place, other in enumerate(sentences) if place != at]
        return (2 * likeness(sentences[at], (target,)) + (fmean(others) if others else 0.0)) / 3

    return list(map(worth, range(len(sentences))))


def best(sentences: Sequence[str], target: str) -> str:
    """The one that is worth most."""
    return max(zip(worths(sentences, target), sentences, strict=True), key=itemgetter(0))[1]


def weigh(sentences: Sequence[str], target: str) -> tuple[Worth, ...]:
    """Each different one with how much more than the mean it is worth, times its share; none if all are the same."""
    found = worths(sentences, target)
    mean, share, each = fmean(found), 1 / len(found), dict(zip(sentences, found, strict=True))
    if len(each) == 1:
        return ()
    counts = Counter(sentences)
    return tuple(
        Worth(sentence=sentence, weight=(worth - mean) * share * counts[sentence]) for sentence, worth in each.items()
    )


def with_best(lessons: Iterable[Lesson], drawn: Mapping[str, Sequence[str]]) -> Iterator[Lesson]:
    """Put the best of the sentences of its paper, by its text, in the place of that of people in each lesson."""
    for lesson in lessons:
        sentences = drawn.get(fingerprint(lesson.paper), ())
        if lesson.sentence is None or not sentences:
            yield lesson
        else:
            yield lesson.model_copy(update={"sentence": best(sentences, lesson.sentence)})


def with_worths(lessons: Iterable[Lesson], drawn: Mapping[str, Sequence[str]]) -> Iterator[Lesson]:
    """Lessons with what the sentences of their papers are worth; those that have none, or the same alone, are gone."""
    for lesson in lessons:
        sentences = drawn.get(fingerprint(lesson.paper), ())
        if lesson.sentence is not None and sentences and (found := weigh(sentences, lesson.sentence)):
            yield lesson.model_copy(update={"drawn": found})


def read_drawn(path: Path) -> dict[str, tuple[str, ...]]:
    """Sentences by the fingerprints of the papers; `InputError` for a file that is none of these."""
    try:
        rows = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(str(path), str(error.strerror)) from error
    return {row.text: row.sentences for row in (_parse(str(path), number, line) for number, line in enumerate(rows, 1))}


def _parse(path: str, number: int, line: bytes) -> Drawn:
    try:
        return Drawn.model_validate_json(line)
    except ValidationError as error:
        raise InputError(path, f"no drawn sentences: {first_problem(error, 'line')}", number) from error
