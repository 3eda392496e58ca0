"""JSON Lines: one object a line. JSON of other forms is read as well, see `documents`."""

import io
import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple, TextIO

from summarizer.completion import Json
from summarizer.errors import InputError
from summarizer.reading.documents import DECODER, Entry, Known, is_document, read_documents
from summarizer.reading.fields import (
    advise_mapping,
    match_columns,
    no_abstract,
    one_line,
    own_id,
    paper_from,
    unreadable,
)
from summarizer.reading.lines import Line, damage, invisible, lines
from summarizer.records import Paper, Source, Unreadable

# As long as no object had a key for the abstract, so many items are held back at most.
_MOST_HELD = 1_000


class _Item(NamedTuple):
    """What an entry became. An object has a key for the abstract, or `missing` says which keys it has instead."""

    item: Paper | Unreadable
    has_key: bool = False
    missing: str | None = None


def read_jsonl(
    stream: TextIO, name: str, columns: Mapping[str, str], encoding: str, head: str
) -> Iterator[Paper | Unreadable]:
    """Read papers from JSON, one object a line or in a document; `head` is a first look at the stream.

    What is not a usable object becomes an `Unreadable` and costs that paper only. Raises `InputError` when none of the
    objects has a key for the abstract, or none of those among the first thousand items.
    """
    fields = _Fields(columns)
    read = read_documents if is_document(head, fields) else _one_a_line
    return _held_back(_item(entry, name, fields) for entry in read(stream, encoding, fields))


def _held_back(items: Iterator[_Item]) -> Iterator[Paper | Unreadable]:
    """Give the items, but from the first missing key on hold them back until an object has the key."""
    held: list[Paper | Unreadable] = []
    error: InputError | None = None
    for item, has_key, missing in items:
        if has_key:
            yield from (*held, item)
            yield from (later.item for later in items)
            return
        if missing and not error:
            error = InputError(item.source.name, missing, item.source.line)
        if not error:
            yield item
            continue
        held.append(item)
        if len(held) == _MOST_HELD:
            break
    if error:
        raise error


def _item(entry: Entry, name: str, fields: "_Fields") -> _Item:
    source = Source(name=name, line=entry.line)
    if entry.problem:
        return _Item(unreadable(source, entry.problem, entry.raw))
    if not isinstance(entry.value, dict):
        return _Item(unreadable(source, "this is JSON, but not an object", entry.raw))
    values = fields(entry.value)
    if "abstract" in values:
        return _Item(paper_from(values, source, entry.raw), has_key=True)
    missing = fields.missing(entry.value)
    title, known = one_line(values.get("title")), own_id(values)
    if title or known:  # Services leave the key out where they have no abstract; the paper is known all the same.
        return _Item(no_abstract(source, title, known, why=missing), missing=missing)
    return _Item(unreadable(source, missing, entry.raw), missing=missing)


class _Fields:
    """Finds the fields of objects. Most files have the same keys in all of them, so the last answer is remembered."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._columns = columns
        self._names: tuple[str, ...] = ()
        self._places: dict[str, str] = {}

    def __call__(self, value: Json) -> dict[str, object]:
        record = _flat(value)
        if (names := tuple(record)) != self._names:
            self._names, self._places = names, match_columns(names, self._columns)
        return {field: found for field, place in self._places.items() for found in _found(record, place)}

    def missing(self, value: Json) -> str:
        """Say that an object has no key for the abstract, and which it has."""
        given = self._columns.get("abstract")
        problem = (
            f"the abstract is looked for under {given!r} (--map, columns), and there is no such key"
            if given
            else "no key is known to hold the abstract"
        )
        return f"{problem}; {advise_mapping(_paths(value))}"


def _one_a_line(stream: TextIO, encoding: str, known: Known) -> Iterator[Entry]:
    for line in lines(stream):
        if problem := line.problem or damage(line.text, encoding):
            yield Entry(line.number, None, line.text, problem)
        elif not invisible(line.text):
            yield from _on_line(line, encoding, known)


def _on_line(line: Line, encoding: str, known: Known) -> Iterator[Entry]:
    text = line.text
    try:
        value, end = DECODER.raw_decode(text, len(text) - len(text.lstrip()))
    except json.JSONDecodeError as error:
        yield Entry(line.number, None, text, f"this is not JSON: {error.msg} at character {error.pos + 1}")
        return
    except RecursionError:
        yield Entry(line.number, None, text, "this is JSON nested too deeply to be read")
        return
    rest = text[end:].strip("\ufeff, \t\r\n")
    # Files that were put together without a line break between them have two objects on one line.
    several = rest.startswith("{")
    if value == [] and not rest:
        return
    if rest and not several:
        yield Entry(line.number, None, text, f"this is not JSON: Extra data at character {end + 1}")
    elif several or (isinstance(value, dict) and "abstract" not in known(value)):
        yield from read_documents(io.StringIO(text), encoding, known, line.number)
    else:
        yield Entry(line.number, value, text)


def _flat(record: Json) -> Json:
    """Lift what the Hugging Face API keeps in `paper`, and Semantic Scholar in `externalIds`, to the top."""
    if isinstance(record.get("paper"), dict):
        record = {**record, **record["paper"]}
    ids = record.get("externalIds")
    return {"arxiv": ids.get("ArXiv"), "doi": ids.get("DOI"), **record} if isinstance(ids, dict) else record


def _paths(record: Json) -> Iterator[str]:
    """Name the keys of an object, and by their paths the texts of the objects in it."""
    for key, value in record.items():
        texts = [name for name, text in value.items() if isinstance(text, str)] if isinstance(value, dict) else []
        yield from (f"{key}.{name}" for name in texts) if texts else (key,)


def _found(record: Json, place: str) -> list[object]:
    """Look up a key, or a path of keys joined by dots; the list holds the value, or nothing when there is none."""
    value: object = record
    for key in (place,) if place in record else place.split("."):
        if not isinstance(value, dict) or key not in value:
            return []
        value = value[key]
    return [value]
