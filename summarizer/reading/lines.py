"""From bytes to lines: open an input, undo gzip, settle the encoding, and give lines of bounded length."""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, NamedTuple, TextIO

from summarizer.errors import InputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: Longest line or cell, in characters; what is longer is reported and never held.
LONGEST = 16 * 2**20
#: Name of standard input.
STDIN = "-"

_HEAD = 64 * 2**10
# UTF-32 first: its mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MARK = "\ufeff"
_SIGNATURES = {
    b"%PDF-": "a PDF",
    b"PK\x03\x04": "a zip archive (or an Office document)",
    b"PAR1": "a Parquet file",
    b"SQLite format 3\x00": "an SQLite database",
    b"\xfd7zXZ\x00": "an xz archive",
    b"BZh": "a bzip2 archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
}
# White space, control characters, and what Unicode has in letters, marks and symbols that nobody can see.
_INVISIBLE = re.compile(
    r"[\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]*"
)

_TAR_MARK = slice(257, 262)
# Characters that no text holds, and what stands for bytes that do not decode.
_GARBAGE = re.compile(r"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f-\x9f\ufffd]")


# What gzip raises where a file is cut off, altered, or followed by something else.
_DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile)


class Line(NamedTuple):
    """One line with its end of line. When it was too long or is `cut` off, `text` is empty and `problem` says so."""

    number: int
    text: str
    problem: str | None = None
    cut: bool = False


@contextmanager
def open_text(name: str, encoding: str) -> Iterator[tuple[TextIO, str]]:
    """Open a file, or standard input for `-`, and give the decoded stream with a first look at what it holds.

    A byte order mark decides the encoding, and `encoding` does otherwise. Bytes that do not decode become lone
    surrogates (see `damage`), so that only their record is lost. A compressed file that is damaged ends there (see
    `cut`). Raises `InputError` for binary files.
    """
    with open(0 if name == STDIN else name, "rb", closefd=name != STDIN) as file:
        head, stream = _look(file)
        if head.startswith(b"\x1f\x8b"):
            head, stream = _look(gzip.GzipFile(fileobj=io.BufferedReader(stream, _HEAD)))
        encoding = next((marked for mark, marked in _MARKS if head.startswith(mark)), encoding)
        wide = codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))
        text = head.decode(encoding, "replace")
        _refuse_binary(name, head, "" if wide else text)
        # Only the one-byte error handler knows single bytes; UTF-16 and UTF-32 go wrong in whole units.
        errors = "surrogatepass" if wide else "surrogateescape"
        # Lines end at a line feed and nowhere else, unless there is none: some programs write as old Macs did.
        newline = None if "\r" in text and "\n" not in text else "\n"
        yield _Text(stream, encoding, errors, newline), text.replace("\r", "\n") if newline is None else text


def lines(stream: TextIO) -> Iterator[Line]:
    r"""Give the lines of a text, numbered from 1, which end at `\n` and nowhere else.

    Where a compressed file is damaged, the line that it breaks is the last one. A byte order mark that begins a line is
    left out: it comes from a file that was appended to another.
    """
    for number in count(1):
        text = stream.readline(LONGEST)
        if text.endswith("\n"):
            yield Line(number, text.removeprefix(_MARK))
        elif len(text) == LONGEST:
            while (rest := stream.readline(LONGEST)) and rest[-1] != "\n":
                pass
            yield Line(number, "", f"the line is longer than {LONGEST:,} characters, so it was skipped")
        else:
            break
    if problem := cut(stream):
        yield Line(number, "", problem, cut=True)
    elif text:
        yield Line(number, text.removeprefix(_MARK))


def cut(stream: TextIO) -> str | None:
    """Say why a text that was read to its end ends too early, or give `None` when it does not."""
    error = stream.source.error if isinstance(stream, _Text) else None
    return f"the compressed file is cut off or damaged here: {error}" if error else None


def damage(text: str, encoding: str) -> str | None:
    """Say where the bytes of a text did not decode, or give `None` when all of them did."""
    place = _first_surrogate(text)
    if place is None:
        return None
    code = ord(text[place])
    what = f"the byte 0x{code - 0xDC00:02X}" if 0xDC80 <= code <= 0xDCFF else f"the half character U+{code:04X}"
    return f"{what} (character {place + 1}) is not {encoding}; give the right one, for example --encoding cp1252"


def half_character(text: str) -> str | None:
    r"""Say which half of a surrogate pair stands alone in a text (JSON can write "\ud800"), or give `None`."""
    place = _first_surrogate(text)
    return None if place is None else f"U+{ord(text[place]):04X} (character {place + 1}) is only half a character"


def presentable(text: str) -> str:
    r"""Write what cannot be encoded as `\udc80`, so that the text can be shown and stored."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def invisible(text: str) -> bool:
    """Say whether a text shows nothing: it is empty, or all spaces, zero-width and control characters."""
    return _INVISIBLE.fullmatch(text) is not None


class _Source(io.RawIOBase):
    """A stream of which the first bytes were read to look at them, and are given again.

    It ends where `error` stopped it: raised here, the error would take what the layers above hold of the text with it.
    """

    def __init__(self, head: bytes, rest: io.BufferedIOBase) -> None:
        self._head, self._rest = head, rest
        self.error: Exception | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        chunk, self._head = self._head[: len(view)], self._head[len(view) :]
        try:
            chunk = chunk or self._rest.read1(len(view))
        except _DAMAGE as error:
            self.error = error
        view[: len(chunk)] = chunk
        return len(chunk)


class _Text(io.TextIOWrapper):
    """The decoded stream of a source."""

    def __init__(self, source: _Source, encoding: str, errors: str, newline: str | None) -> None:
        super().__init__(io.BufferedReader(source, _HEAD), encoding, errors, newline)
        self.source = source


def _look(stream: io.BufferedIOBase) -> tuple[bytes, _Source]:
    head = b""
    with suppress(*_DAMAGE):  # it comes up again when the source gets there
        while len(head) < _HEAD and not _is_enough(head) and (chunk := stream.read1(_HEAD - len(head))):
            head += chunk
    return head, _Source(head, stream)


def _is_enough(head: bytes) -> bool:
    # One line of JSON tells its format, so a slow pipe is not waited for; other formats need a longer look.
    start = head.lstrip()
    return start.startswith((b"{", b"[")) and b"\n" in start


def _refuse_binary(name: str, head: bytes, text: str) -> None:
    for signature, kind in _SIGNATURES.items():
        if head.startswith(signature):
            raise InputError(name, f"this is {kind}, not text; export it as JSON Lines or CSV")
    if head[_TAR_MARK] == b"ustar":
        raise InputError(name, "this is a tar archive, not text; unpack it and name the files in it")
    # A stray NUL is one record's trouble, however short the file. UTF-16 holds one in every second byte where the text
    # is English; where it is not, and in binary files, most of what stands beside the NULs is no text either.
    nulls = text.count("\0")
    if nulls * 3 > len(text) or (nulls > 3 and len(_GARBAGE.findall(text)) * 8 > len(text)):
        raise InputError(name, "this is not text (it is full of NUL bytes); if it is UTF-16, give --encoding utf-16-le")


def _first_surrogate(text: str) -> int | None:
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return error.start
    return None
