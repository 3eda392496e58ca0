"""Lines of data sets: read one by one and validated, so that what does not belong is named with its place."""

import codecs
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from evals.examples import Example
from summarizer import Paper
from summarizer.extension import InputError, Seen, Source, first_problem

#: Longest line, in bytes. A whole paper has about 200,000.
LONGEST: Final = 16 * 2**20
#: The escape of NUL, and not of a backslash in front of `u0000`.
_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class Row(BaseModel):
    """A line as it is published. What is not known is passed over: data sets carry more than is used here."""

    model_config = ConfigDict(frozen=True, extra="ignore")


AnyRow = TypeVar("AnyRow", bound=BaseModel)


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    r"""Each line with its number, from 1, without its end (`\n` or `\r\n`) and without a byte order mark.

    Raises `InputError` for a file that cannot be read, lines that are too long or no UTF-8, and NUL characters.
    """
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(LONGEST + 1):
                number += 1
                yield number, _text(path, number, line)
    except OSError as error:
        raise InputError(str(path), str(error.strerror)) from error


def read_rows(path: Path, kind: type[AnyRow]) -> Iterator[tuple[int, AnyRow]]:
    """Each line with its number, from 1; blank lines do not count. `InputError` for what is not such a line."""
    for number, line in read_lines(path):
        if line and not line.isspace():
            yield number, _row(path, number, line, kind)


def paper(path: Path, number: int, *, known: str, title: str, abstract: str) -> Paper:
    """The paper of a line."""
    return Paper(id=known, title=title, abstract=abstract, source=Source(name=path.name, line=number))


def checked(path: Path, examples: Iterable[Example]) -> Iterator[Example]:
    """The same examples; `InputError` when there are none, or when two have the same id."""
    seen, some = Seen(), False
    try:
        for example in examples:
            some = True
            if earlier := seen.add(example.paper):
                line = example.paper.source.line
                raise InputError(str(path), f"the id {example.paper.id!r} was there before: {earlier.place}", line)
            yield example
    finally:
        seen.close()
    if not some:
        raise InputError(str(path), "holds no papers")


def _text(path: Path, number: int, line: bytes) -> str:
    if len(line) > LONGEST:
        raise InputError(str(path), f"the line is longer than {LONGEST:,} bytes", number)
    if number == 1:
        line = line.removeprefix(codecs.BOM_UTF8)
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise InputError(str(path), f"the byte {error.start + 1} of the line is no UTF-8", number) from error
    if "\0" in text:
        raise InputError(str(path), "the line has a NUL character", number)
    return text.removesuffix("\n").removesuffix("\r")


def _row(path: Path, number: int, line: str, kind: type[AnyRow]) -> AnyRow:
    if _NUL.search(line):
        raise InputError(str(path), "the line has a NUL character", number)
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        raise InputError(str(path), f"not a line of this data set: {first_problem(error, 'line')}", number) from error
