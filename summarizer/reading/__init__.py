"""Papers from files: JSON Lines, CSV, TSV and the text of a web page."""

import io
import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TextIO

from summarizer.errors import InputError, SettingsError
from summarizer.reading.fields import ALIASES
from summarizer.reading.jsonl import read_jsonl
from summarizer.reading.lines import STDIN, cut, open_text, presentable
from summarizer.reading.page import is_page, read_page
from summarizer.reading.table import is_header, read_table
from summarizer.records import Paper, Unreadable

#: The formats, and the suffixes that stand for them; each may have `.gz` behind it.
FORMATS: Mapping[str, tuple[str, ...]] = {
    "jsonl": (".jsonl", ".ndjson", ".json"),
    "csv": (".csv",),
    "tsv": (".tsv", ".tab"),
    "page": (".txt", ".text"),
}
_MARKUP = ("<?xml", "<!DOCTYPE", "<!doctype", "<html", "<feed", "<rss")
_OBJECT = re.compile(r"(?:\[\s*)?\{\s*\"")
_KNOWN = "; ".join(f"{name} ({', '.join(suffixes)})" for name, suffixes in FORMATS.items())


def read_papers(
    *inputs: str | Path,
    columns: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
    limit: int | None = None,
    input_format: str | None = None,
) -> Iterator[Paper | Unreadable]:
    """Read papers from files, or from standard input for `-`, one after the other and in bounded memory.

    The suffix tells the format (`jsonl`, `csv`, `tsv`, `page`), else (and in a `.txt`) the content does, and
    `input_format` overrides both. `columns` says which column or key holds a field ({"abstract": "AB"}; keys of nested
    objects are joined by dots). A byte order mark goes before `encoding`. Files may be compressed by gzip. At most
    `limit` items are given.

    What cannot be read of an input becomes an `Unreadable` in its place. Abstracts are as found, but for white space at
    their ends. Raises `SettingsError` for an unknown encoding, format or field; `InputError` at once when an input is
    missing, and when its turn comes if it is empty or cannot be read at all.
    """
    columns = columns or {}
    _check_settings(columns, encoding, limit, input_format)
    names = [str(path) for path in inputs]
    for name in names:
        _check_input(name)
    if names.count(STDIN) > 1:
        raise InputError(STDIN, "standard input can be read only once")
    wanted = _Wanted(columns, encoding, input_format)
    return islice((item for name in names for item in _read(name, wanted)), limit)


class _Wanted(NamedTuple):
    """How the caller wants all inputs to be read."""

    columns: Mapping[str, str]
    encoding: str
    input_format: str | None


def _read(name: str, wanted: _Wanted) -> Iterator[Paper | Unreadable]:
    shown = presentable(name)
    empty = True
    try:
        with open_text(name, wanted.encoding) as (stream, head):
            for item in _reader(stream, head, shown, wanted):
                if empty and (problem := cut(stream)) and isinstance(item, Unreadable) and problem in item.message:
                    raise InputError(shown, problem, item.source.line)
                empty = False
                yield item
            if empty:
                reason = cut(stream) or "holds no papers: it is empty, or has nothing below its header"
                raise InputError(shown, reason)
    except UnicodeError as error:
        reason = f"this is not {wanted.encoding} ({error}); give the right one, for example --encoding cp1252"
        raise InputError(shown, reason) from error
    except OSError as error:
        raise InputError(shown, f"cannot be read: {error.strerror or error}") from error


def _reader(stream: TextIO, head: str, name: str, wanted: _Wanted) -> Iterator[Paper | Unreadable]:
    columns, encoding, input_format = wanted
    match input_format or _format_of(name, head, columns):
        case "jsonl":
            return read_jsonl(stream, name, columns, encoding, head)
        case "csv":
            return read_table(stream, name, columns, encoding)
        case "tsv":
            return read_table(stream, name, columns, encoding, "\t")
        case _:
            return read_page(stream, name, encoding)


def _format_of(name: str, head: str, columns: Mapping[str, str]) -> str:
    start = head.lstrip("\ufeff \t\r\n")
    if start.startswith(_MARKUP):
        raise InputError(name, f"this is XML or HTML, which is not read; the formats are: {_KNOWN}")
    suffix = Path(name.lower().removesuffix(".gz")).suffix
    named = next((known for known, suffixes in FORMATS.items() if suffix in suffixes), None)
    # People call any text .txt, so what is in it goes before.
    if named and named != "page":
        return named
    if _OBJECT.match(start) or (not named and start.startswith(("{", "["))):
        return "jsonl"
    if is_header(start.partition("\n")[0], columns):
        return "csv"
    if named or not start or is_page(head):
        return "page"
    raise InputError(name, f"the format is not clear; give --input-format with one of: {_KNOWN}")


def _check_settings(columns: Mapping[str, str], encoding: str, limit: int | None, input_format: str | None) -> None:
    if unknown := sorted(set(columns) - set(ALIASES)):
        raise SettingsError(f"columns (--map): there is no field {unknown[0]!r}; the fields are: {', '.join(ALIASES)}")
    if input_format is not None and input_format not in FORMATS:
        raise SettingsError(f"input_format: there is no format {input_format!r}; the formats are: {_KNOWN}")
    if limit is not None and limit not in range(sys.maxsize + 1):
        raise SettingsError(f"limit: {limit!r} is no number between 0 and {sys.maxsize}")
    try:
        io.TextIOWrapper(io.BytesIO(), encoding)
    except LookupError as error:
        raise SettingsError(f"encoding: {error}; give a name such as utf-8, utf-16 or cp1252") from error


def _check_input(name: str) -> None:
    if name == STDIN:
        return
    shown = presentable(name)
    try:
        mode = Path(name).stat().st_mode
    except FileNotFoundError as error:
        raise InputError(shown, "there is no such file") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InputError(shown, f"cannot be read: {error}") from error
    if stat.S_ISDIR(mode):
        raise InputError(shown, "this is a folder; name the files in it")
    if not os.access(name, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
        raise InputError(shown, "there is no permission to read it")
