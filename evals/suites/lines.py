"""JSON Lines of data sets: validated line by line, so that what does not belong is named with its place."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from summarizer import Paper
from summarizer.extension import InputError, Source


class Row(BaseModel):
    """A line as it is published. What is not known is passed over: data sets carry more than is used here."""

    model_config = ConfigDict(frozen=True, extra="ignore")


AnyRow = TypeVar("AnyRow", bound=BaseModel)


def read_rows(path: Path, kind: type[AnyRow]) -> Iterator[tuple[int, AnyRow]]:
    """Each line with its number, from 1; blank lines do not count. `InputError` for what is not such a line."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.isspace():
                    yield number, _row(path, number, line, kind)
    except OSError as error:
        raise InputError(str(path), str(error.strerror)) from error


def paper(path: Path, number: int, *, known: str, title: str, abstract: str) -> Paper:
    """The paper of a line."""
    return Paper(id=known, title=title, abstract=abstract, source=Source(name=path.name, line=number))


def _row(path: Path, number: int, line: bytes, kind: type[AnyRow]) -> AnyRow:
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise InputError(
            str(path), f"not a line of this data set: {place or 'line'}: {problem['msg']}", number
        ) from error
