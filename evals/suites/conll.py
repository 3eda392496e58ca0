"""Files with one token on each line, its columns, and the mark of what it belongs to; blank lines end sentences."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from evals.suites.lines import read_lines
from summarizer.extension import InputError


class Token(NamedTuple):
    """One line."""

    line: int
    columns: tuple[str, ...]

    @property
    def word(self) -> str:
        """The token itself, which is the first column."""
        return self.columns[0]

    @property
    def mark(self) -> str:
        """What it belongs to, which is the last column: `O`, `B-Task`, `I-Task`."""
        return self.columns[-1]


def read_sentences(path: Path, separator: str, columns: int) -> Iterator[list[Token]]:
    """The tokens of each sentence. `InputError` for a line with other columns, and for what `read_lines` refuses."""
    sentence: list[Token] = []
    for number, line in read_lines(path):
        if line.strip():
            sentence.append(_token(path, number, line, separator, columns))
        elif sentence:
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def marked(path: Path, sentence: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    """What is marked in a sentence: first token, last token (exclusive) and kind.

    IOB1 and IOB2 are read alike: a name begins at a `B-`, and at an `I-` behind something of another kind.
    """
    start, kind = 0, ""
    for number, token in enumerate(sentence):
        prefix, _, now = token.mark.partition("-")
        if token.mark != "O" and (prefix not in {"B", "I"} or not now):
            raise InputError(str(path), f"{token.mark!r} is no mark such as O, B-Task or I-Task", token.line)
        if kind and (now != kind or prefix == "B"):
            yield start, number, kind
        if now and (now != kind or prefix == "B"):
            start = number
        kind = now
    if kind:
        yield start, len(sentence), kind


def _token(path: Path, number: int, line: str, separator: str, columns: int) -> Token:
    found = tuple(line.rstrip().split(separator))
    if len(found) != columns or not all(column.strip() for column in found):
        shown = "tabs" if separator == "\t" else "spaces"
        raise InputError(str(path), f"not a token of this data set: {columns} columns with {shown} between", number)
    return Token(number, found)
