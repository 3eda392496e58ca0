"""JSON that is not one record a line: arrays, objects over several lines, and objects with the papers in a list."""

import io
import json
import re
from collections.abc import Callable, Collection, Generator, Iterator
from itertools import islice
from typing import NamedTuple, TextIO

from summarizer.completion import Json
from summarizer.reading.fields import LONGEST_RAW, Number
from summarizer.reading.lines import LONGEST, cut, damage

#: Numbers stay as they are written, control characters too. NaN is how some programs write an empty cell.
DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=lambda _: None, strict=False)

#: Says which fields of a paper an object has.
Known = Callable[[Json], Collection[str]]

# What services call the list of what they found.
_LISTS = ("articles", "data", "docs", "entries", "items", "papers", "records", "result", "results", "works")
# What stands between the records of a text, between those of one array, and inside of an object. A byte order mark
# comes from a file that was appended to another.
_BETWEEN, _COMMAS, _SPACE = re.compile(r"[\s\ufeff,\[\]]*"), re.compile(r"[\s,]*"), re.compile(r"\s*")
# The first line of an array of objects.
_ARRAY = re.compile(r"\s*\[\s*(?:\{|$)", re.MULTILINE)
_CHUNK = 64 * 2**10


class Entry(NamedTuple):
    """One value of the text and where it starts; `problem` says why there is none."""

    line: int
    value: object
    raw: str
    problem: str | None = None


def is_document(head: str, known: Known) -> bool:
    """Say whether the first value of a text is an array of objects, goes on below its line, or holds a list of papers.

    `head` is the beginning of the text. A list that ends on its line is left to whoever reads the line.
    """
    if _ARRAY.match(head):
        return True
    line = head.lstrip().partition("\n")[0].rstrip()
    if not line.startswith(("{", "[")):
        return False
    try:
        DECODER.raw_decode(line)
    except json.JSONDecodeError as error:
        # Where a comma or a bracket is the last thing, the rest is below; a line that was cut off rarely ends so.
        opened = "{" in line if line[0] == "[" else line.endswith(("{", "[", ",", ":"))
        if opened and error.pos == len(line):
            return True
    except RecursionError:
        pass  # it may still begin with papers
    else:
        return False
    beginning = read_documents(io.StringIO(line), "utf-8", known)
    return line[0] == "{" and all(entry.problem is None for entry in islice(beginning, 1))


def read_documents(stream: TextIO, encoding: str, known: Known, line: int = 1) -> Iterator[Entry]:
    """Give the records of a text in bounded memory: the elements of its arrays, and its objects.

    Of an object that is no paper itself and has a list of papers, the papers are given. There is no way to find the
    next record after a broken one, so the rest of the text is given up. `line` is the number of the first line.
    """
    return _Document(stream, encoding, known, line).entries()


class _Document:
    """The text from the record at hand to where it was read, and the place in it that comes next."""

    def __init__(self, stream: TextIO, encoding: str, known: Known, line: int) -> None:
        self._stream, self._encoding, self._known = stream, encoding, known
        self._text = ""
        self._start = self._place = 0
        self._line = line  # of the start
        self._ended = False

    def entries(self) -> Iterator[Entry]:
        try:
            while self._begin(_BETWEEN):
                yield from self._record()
        except (json.JSONDecodeError, RecursionError) as error:
            yield self._given_up(error)
        else:
            if problem := cut(self._stream):
                yield Entry(self._line, None, "", problem)

    def _record(self) -> Iterator[Entry]:
        line = self._line
        value: object
        if self._text[self._start] == "{":
            value = self._paper() or (yield from self._object(frozenset()))
            if value is None:
                return
        else:
            value = self._value()
        raw = self._text[self._start : self._place]
        yield Entry(line, value, raw, damage(raw, self._encoding))

    def _paper(self) -> Json | None:
        """Take the object that begins here if it is short, as papers are, and has an abstract of its own."""
        while len(self._text) - self._start < _CHUNK and self._more():
            pass
        try:
            value, place = DECODER.raw_decode(self._text, self._start)
        except (json.JSONDecodeError, RecursionError):
            return None
        if "abstract" not in self._known(value):
            return None
        self._place = place
        return dict(value)

    def _object(self, above: frozenset[str]) -> Generator[Entry, None, Json | None]:
        """Go through an object: give the papers of its lists, or return what it holds when it has no such list.

        `above` are the fields of the objects around it. An answer that found nothing has an empty list of papers.
        """
        members: Json = {}
        fields, opened = above, False
        for key in self._keys():
            match self._next():
                case "[" if self._holds_papers(key, fields):
                    yield from self._list()
                    opened = True
                    continue
                case "{":
                    members[key] = yield from self._object(fields)
                    opened = opened or members[key] is None
                case _:
                    members[key] = self._value()
            fields = fields.union(self._known({key: members[key]}))
        nothing = not fields.intersection(("abstract", "title")) and any(members.get(name) == [] for name in _LISTS)
        return None if opened or nothing else members

    def _list(self) -> Iterator[Entry]:
        self._take("[")
        while self._begin(_COMMAS) not in ("", "]"):
            yield from self._record()
        self._take("]")

    def _keys(self) -> Iterator[str]:
        """Give the keys of an object, each when its value comes next."""
        self._take("{")
        more = self._next() != "}"
        while more:
            if self._next() != '"':
                raise self._error("a key in quotes")
            key = str(self._value())
            self._take(":")
            yield key
            more = self._next() == ","
            self._place += more
        self._take("}")

    def _holds_papers(self, key: str, fields: Collection[str]) -> bool:
        """Judge the list that comes next by its name, by what stood before it, and by its first element.

        A paper has lists of objects too: authors, references. What has an abstract is a paper; otherwise two of the
        three have to speak for it.
        """
        before = self._place - self._start
        self._take("[")
        first = self._value() if self._next() == "{" else None
        self._place = self._start + before
        if not isinstance(first, dict) or "abstract" in fields:
            return False
        return (key.casefold() in _LISTS) + ("title" not in fields) + ("abstract" in self._known(first)) > 1

    def _begin(self, gap: re.Pattern[str]) -> str:
        """Skip a gap, begin a record behind it, and give its first character; at the end there is none."""
        while True:
            self._skip(gap)
            self._line += self._text.count("\n", self._start, self._place)
            self._start = self._place
            if self._place < len(self._text) or not self._more():
                return self._text[self._place : self._place + 1]

    def _next(self) -> str:
        """Skip white space and give the character that comes next; at the end there is none."""
        while True:
            self._skip(_SPACE)
            if self._place < len(self._text) or not self._more():
                return self._text[self._place : self._place + 1]

    def _skip(self, gap: re.Pattern[str]) -> None:
        self._place = gap.match(self._text, self._place).end()  # type: ignore[union-attr] # it matches the empty text too

    def _take(self, character: str) -> None:
        if self._next() != character:
            raise self._error(repr(character))
        self._place += 1

    def _value(self) -> object:
        while True:
            try:
                value, place = DECODER.raw_decode(self._text, self._place)
            except (json.JSONDecodeError, RecursionError):
                # A value may only be cut off by the end of what was read.
                if not self._more():
                    raise
            else:
                # A number may go on behind it.
                if place < len(self._text) or not self._more():
                    self._place = place
                    return value

    def _more(self) -> bool:
        """Read on, and forget what stands before the record at hand; say whether there was anything to read.

        Reading twice as much each time keeps the cost of decoding again in proportion.
        """
        if self._ended or len(self._text) - self._start >= LONGEST:
            return False
        self._text, self._place, self._start = self._text[self._start :], self._place - self._start, 0
        more = self._stream.read(max(_CHUNK, len(self._text)))
        self._text += more
        self._ended = not more
        return not self._ended

    def _error(self, expected: str) -> json.JSONDecodeError:
        return json.JSONDecodeError(f"Expecting {expected}", self._text, self._place)

    def _given_up(self, error: Exception) -> Entry:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
        advice = "nothing after it can be read; write one object a line (JSON Lines) to lose only the broken one"
        problem = cut(self._stream) or f"the object that starts here is not JSON: {reason}; {advice}"
        return Entry(self._line, None, self._text[self._start :][:LONGEST_RAW], problem)
