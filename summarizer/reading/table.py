"""Tables: CSV (comma, semicolon, tab or bar) and TSV, with a header and quotes as in RFC 4180."""

import csv
from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple, TextIO

from summarizer.errors import InputError
from summarizer.reading.fields import advise_mapping, match_columns, paper_from, unreadable
from summarizer.reading.lines import LONGEST, Line, damage, invisible, lines
from summarizer.records import Paper, Source, Unreadable

_DELIMITERS = ",;\t|"
_LONGEST_HEADER = 100_000


class _Row(NamedTuple):
    """One row and where it starts; `problem` says why it has no cells."""

    line: int
    cells: list[str]
    raw: str
    problem: str | None = None


def read_table(
    stream: TextIO, name: str, columns: Mapping[str, str], encoding: str, delimiter: str | None = None
) -> Iterator[Paper | Unreadable]:
    """Read papers from a table whose first row names the columns; without a delimiter, the header shows which it is.

    A row that cannot be read, or that has more or fewer cells than the header, becomes an `Unreadable` under the line
    on which it starts. A header that comes again, as in tables that were put together, is no row. Raises
    `InputError` when no column is known to hold the abstract.
    """
    source_lines = lines(stream)
    pending: deque[Line] = deque()
    for line in source_lines:
        pending.append(line)
        if not line.text.isspace():
            break
    delimiter = delimiter or guess_delimiter(pending[-1].text if pending else "", columns)
    rows = _rows(pending, source_lines, delimiter, encoding)
    header = next(rows, None)
    if header is None:
        return
    places = _places(header, name, columns)
    for row in rows:
        source = Source(name=name, line=row.line)
        if row.problem:
            yield unreadable(source, row.problem, row.raw)
        elif len(row.cells) != len(header.cells):
            problem = f"the row has {len(row.cells)} cells, the header has {len(header.cells)}"
            yield unreadable(source, f"{problem}; a cell that holds {delimiter!r} needs quotes around it", row.raw)
        elif row.cells != header.cells:
            yield paper_from({field: row.cells[place] for field, place in places.items()}, source, row.raw)


def guess_delimiter(header: str, columns: Mapping[str, str]) -> str:
    """Give the delimiter that makes most sense of a header: it finds the abstract, other fields, many cells."""
    return max(_DELIMITERS, key=lambda delimiter: _sense(header, delimiter, columns))


def is_header(line: str, columns: Mapping[str, str]) -> bool:
    """Say whether a line names two columns or more, with the abstract among them."""
    has_abstract, _, cells = _sense(line, guess_delimiter(line, columns), columns)
    return has_abstract and cells > 1


def _sense(header: str, delimiter: str, columns: Mapping[str, str]) -> tuple[bool, int, int]:
    """Count what a delimiter finds in a header: whether the abstract, how many fields, how many cells."""
    start = header[:_LONGEST_HEADER].replace("\r", "")
    names = next(csv.reader([start], delimiter=delimiter), [])
    found = [field for field, place in match_columns(names, columns).items() if place in names]
    return "abstract" in found, len(found), len(names)


def _places(header: _Row, name: str, columns: Mapping[str, str]) -> dict[str, int]:
    if header.problem:
        raise InputError(name, f"the header cannot be read: {header.problem}", header.line)
    places = match_columns(header.cells, columns)
    for field, column in columns.items():
        if column not in header.cells:
            found = ", ".join(header.cells)
            problem = f"{field} is looked for in {column!r} (--map, columns), and there is no such column"
            raise InputError(name, f"{problem}; found: {found}; name the one with --map {field}=COLUMN", header.line)
    if "abstract" not in places:
        advice = advise_mapping(header.cells)
        raise InputError(name, f"no column is known to hold the abstract; {advice}", header.line)
    return {field: header.cells.index(column) for field, column in places.items()}


def _rows(pending: deque[Line], rest: Iterator[Line], delimiter: str, encoding: str) -> Iterator[_Row]:
    """Give the rows that are not blank. One that is broken ends where its first line does.

    A quote that is never closed would swallow all that follows, so the lines after the first are read again. What may
    be read ahead for one row is limited by what was read for good, or a hostile file would take forever.
    """
    credit = LONGEST
    while True:
        taken: list[Line] = []
        try:
            cells = _next_row(csv.reader(_take(pending, rest, taken, credit), delimiter=delimiter, strict=True))
        except StopIteration:
            return
        except csv.Error as error:
            first, *again = taken
            if taken[-1].cut:  # which explains the open quote
                yield _Row(first.number, [], first.text, taken[-1].problem)
                return
            pending.extendleft(reversed(again))
            credit = max(credit - sum(len(line.text) for line in again), 0) + 4 * len(first.text)
            problem = "a quote is opened and not closed as it should be" if again else "the row is broken"
            yield _Row(first.number, [], first.text, first.problem or f"{problem} ({error})")
            continue
        raw = "".join(line.text for line in taken)
        credit = min(credit + 4 * len(raw), LONGEST)
        unusable = next((line.problem for line in taken if line.problem), None) or damage(raw, encoding)
        if unusable or not all(map(invisible, cells)):
            yield _Row(taken[0].number, cells, raw, unusable)


def _take(pending: deque[Line], rest: Iterator[Line], taken: list[Line], credit: int) -> Iterator[str]:
    """Give the lines of one row; once those after the first exceed the credit, an open quote counts as never closed."""
    while line := pending.popleft() if pending else next(rest, None):
        if taken:
            credit -= len(line.text)
        taken.append(line)
        if credit < 0:
            return
        yield line.text


def _next_row(rows: Iterator[list[str]]) -> list[str]:
    # The limit of the csv module is one for the whole process, so it is lifted for this row only.
    usual = csv.field_size_limit(LONGEST)
    try:
        return next(rows)
    finally:
        csv.field_size_limit(usual)
