"""JSON Lines: one object a line. A file that is one JSON array, or objects spread over lines, is read as well."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple, TextIO

from summarizer.completion import Json
from summarizer.reading.fields import LONGEST_RAW, Number, advise_mapping, match_columns, paper_from, unreadable
from summarizer.reading.lines import LONGEST, Line, damage, lines
from summarizer.records import Paper, Source, Unreadable

# Numbers stay as they are written, control characters too. NaN is how some programs write an empty cell.
_DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=lambda _: None, strict=False)
# What stands between the objects of an array.
_GAP = re.compile(r"[\s,\[\]]*")
# The first line of an array of objects, or of an object over several lines.
_SPREAD = re.compile(r"\s*(?:\[\s*(?:\{|$)|\{\s*$)", re.MULTILINE)
_CHUNK = 64 * 2**10


class _Entry(NamedTuple):
    """One value of the file and where it starts; `problem` says why there is none."""

    line: int
    value: object
    raw: str
    problem: str | None = None


def read_jsonl(
    stream: TextIO, name: str, columns: Mapping[str, str], encoding: str, head: str
) -> Iterator[Paper | Unreadable]:
    """Read papers from JSON, one object a line or all in an array; `head` is a first look at the stream.

    A line that is not a usable object becomes an `Unreadable` and costs that paper only. In an array there is no way
    to find the next object after a broken one, so the rest of the file is given up.
    """
    names: tuple[str, ...] = ()
    places: dict[str, str] = {}
    for entry in _spread(stream, encoding) if _SPREAD.match(head) else _one_a_line(stream, encoding):
        source = Source(name=name, line=entry.line)
        if entry.problem or not isinstance(entry.value, dict):
            yield unreadable(source, entry.problem or "this is JSON, but not an object", entry.raw)
            continue
        record = _flat(entry.value)
        # Most files have the same keys in every record, so the last answer is nearly always the right one.
        if tuple(record) != names:
            names = tuple(record)
            places = match_columns(names, columns)
        values = {field: value for field, place in places.items() for value in _found(record, place)}
        if "abstract" in values:
            yield paper_from(values, source, entry.raw)
        else:
            yield unreadable(source, f"no key is known to hold the abstract; {advise_mapping(names)}", entry.raw)


def _one_a_line(stream: TextIO, encoding: str) -> Iterator[_Entry]:
    for line in lines(stream):
        if problem := line.problem or damage(line.text, encoding):
            yield _Entry(line.number, None, line.text, problem)
        elif not line.text.isspace():
            yield _decoded(line)


def _decoded(line: Line) -> _Entry:
    try:
        return _Entry(line.number, _DECODER.decode(line.text), line.text)
    except json.JSONDecodeError as error:
        problem = f"this is not JSON: {error.msg} at character {error.pos + 1}"
    except RecursionError:
        problem = "this is JSON nested too deeply to be read"
    return _Entry(line.number, None, line.text, problem)


def _spread(stream: TextIO, encoding: str) -> Iterator[_Entry]:
    text, place, line = "", 0, 1
    while True:
        start = _GAP.match(text, place).end()  # type: ignore[union-attr] # it matches the empty text too
        line += text.count("\n", place, start)
        try:
            value, place = _DECODER.raw_decode(text, start)
        except (json.JSONDecodeError, RecursionError) as error:
            # An object may only be cut off by the end of what was read. Reading twice as much each time keeps the
            # cost of trying again in proportion.
            text, place = text[start:], 0
            more = stream.read(max(_CHUNK, len(text))) if len(text) < LONGEST else ""
            if not more:
                yield from _given_up(line, text, error)
                return
            text += more
            continue
        raw = text[start:place]
        yield _Entry(line, value, raw, damage(raw, encoding))
        line += raw.count("\n")


def _given_up(line: int, text: str, error: Exception) -> Iterator[_Entry]:
    if text:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
        advice = "nothing after it can be read; write one object a line (JSON Lines) to lose only the broken one"
        yield _Entry(line, None, text[:LONGEST_RAW], f"the object that starts here is not JSON: {reason}; {advice}")


def _flat(record: Json) -> Json:
    """Lift what the Hugging Face API keeps in `paper`, and Semantic Scholar in `externalIds`, to the top."""
    if isinstance(record.get("paper"), dict):
        record = {**record, **record["paper"]}
    ids = record.get("externalIds")
    return {"arxiv": ids.get("ArXiv"), "doi": ids.get("DOI"), **record} if isinstance(ids, dict) else record


def _found(record: Json, place: str) -> list[object]:
    """Look up a key, or a path of keys joined by dots; the list holds the value, or nothing when there is none."""
    value: object = record
    for key in (place,) if place in record else place.split("."):
        if not isinstance(value, dict) or key not in value:
            return []
        value = value[key]
    return [value]
