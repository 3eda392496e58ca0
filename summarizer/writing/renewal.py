"""A file of records in which some are made anew, while every other line stays as it is, byte for byte."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

from summarizer.errors import InputError, OutputError
from summarizer.records import Record
from summarizer.whole import put_in_place
from summarizer.writing.jsonl import STANDARD, hold, is_torn, parse_line

#: Bytes that are copied at once.
_CHUNK = 2**20


class Place(NamedTuple):
    """Where the line of a record begins, and where the next one does, in bytes."""

    start: int
    end: int


class Renewal:
    """Holds a file of records against all other writers, and replaces it as a whole when `finish` is called.

    The new file is written beside the old one, in constant memory. Until it takes the old one's place nothing has
    changed, whatever happens. Use it as a context manager.
    """

    def __init__(self, path: Path) -> None:
        """Open the file. `InputError` when that cannot be done, `OutputError` when another process writes it."""
        self.path = path
        if str(path) == STANDARD:
            raise InputError(str(path), "records are replaced in a file; standard input is none")
        if path.exists() and not path.is_file():
            raise InputError(str(path), "is not a file, so no record in it can be replaced")
        try:
            # Nothing is written to it; some file systems lock only what could be.
            self._file = path.open("r+b")
        except OSError as error:
            raise InputError(str(path), str(error.strerror)) from error
        hold(self._file, path)
        self._there = path.resolve()
        # The name is always the same, so that what a kill left behind is used again; the lock makes it ours.
        self._beside = self._there.with_name(f".{self._there.name}.retry")
        self._state = _state(os.fstat(self._file.fileno()))
        self._new: BinaryIO | None = None
        self._copied = 0

    def records(self) -> Iterator[tuple[Place, Record]]:
        """All records with their places, streamed from the beginning; blank lines do not count.

        `InputError` with the line of what is not a record, and for a last line that its run has not finished. Only one
        of these iterators may be in use at a time.
        """
        self._file.seek(0)
        start = 0
        for number, line in enumerate(self._file, start=1):
            place = Place(start, start + len(line))
            start = place.end
            if not line.isspace():
                yield place, self._read(number, line)

    def put(self, place: Place, record: Record) -> None:
        """Let a record take this place; what stands between it and the place before is copied.

        Places have to come in the order of the file.
        """
        with self._translated():
            new = self._opened()
            self._copy_to(new, place.start)
            new.write(record.model_dump_json().encode() + b"\n")
            self._copied = place.end

    def finish(self) -> None:
        """Copy the rest and replace the file, if a record was put; the file is on disk when this returns."""
        if self._new is None:
            return
        with self._translated():
            self._copy_to(self._new, os.fstat(self._file.fileno()).st_size)
            self._new.flush()
            os.fsync(self._new.fileno())
            self._check_unchanged()
            put_in_place(self._beside, self._there)
        # From now on its name may be that of somebody else's.
        self._new.close()
        self._new = None

    def _read(self, number: int, line: bytes) -> Record:
        try:
            return parse_line(str(self.path), number, line)
        except InputError as error:
            if is_torn(line):
                advice = "finish the run first, by the same `summarizer run` as before"
                raise InputError(
                    str(self.path), f"is not finished, because its run was killed; {advice}", number
                ) from error
            raise

    def _opened(self) -> BinaryIO:
        if self._new is None:
            self._beside.unlink(missing_ok=True)
            # Nobody else may read it before it has the rights of the old one, nor may a link lead elsewhere.
            descriptor = os.open(self._beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._new = os.fdopen(descriptor, "wb")
        return self._new

    def _copy_to(self, new: BinaryIO, end: int) -> None:
        while self._copied < end:
            chunk = os.pread(self._file.fileno(), min(_CHUNK, end - self._copied), self._copied)
            if not chunk:
                raise self._changed()
            new.write(chunk)
            self._copied += len(chunk)

    def _check_unchanged(self) -> None:
        # An editor heeds no lock.
        if not self._there.exists() or _state(self._there.stat()) != self._state:
            raise self._changed()

    def _changed(self) -> OutputError:
        return OutputError(str(self.path), "was changed by another program meanwhile, and is left as that made it")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(str(self.path), f"{error.strerror}; it is left as it was") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._new is not None:
            self._beside.unlink(missing_ok=True)
            with suppress(OSError):  # a full disk has been told of, and the bytes are of a file that is gone
                self._new.close()
        self._file.close()


def _state(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
