"""The file of labels: JSON Lines, appended to by any number of people and processes at once.

It is no database because nothing is ever asked of it but the last line of each person and pair: a file of lines can be
read, compared, joined with `cat` and kept under version control, and has no schema to move along. A line is written
under a lock of the whole file, and is on the disk when `append` returns. A process that is killed leaves at most one
torn line at the end, which nobody was told is stored; the next one to append takes it away.
"""

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import portalocker
from pydantic import ValidationError

from evals.annotating.labels import LINE, AnyLine, Gold, Label, Undo
from summarizer.extension import InputError, OutputError, first_problem


class Labels:
    """What stands: of each person and pair, and of each person and paper, the last that was said, oldest first."""

    def __init__(self, lines: Iterable[AnyLine] = ()) -> None:
        """Of the lines of a file, in their order."""
        self._labels: dict[tuple[str, str], Label] = {}
        self._gold: dict[tuple[str, str, str], Gold] = {}
        for line in lines:
            self.add(line)

    def add(self, line: AnyLine) -> None:
        """Take a later line into account."""
        match line:
            case Gold():
                known = line.annotator, line.suite, line.id
                self._gold.pop(known, None)
                self._gold[known] = line
            case Label():
                self._labels.pop((line.annotator, line.pair), None)
                self._labels[line.annotator, line.pair] = line
            case Undo():
                self._labels.pop((line.annotator, line.pair), None)

    def copy(self) -> "Labels":
        """The same, which later lines do not change."""
        other = Labels()
        other._labels, other._gold = self._labels.copy(), self._gold.copy()
        return other

    @property
    def labels(self) -> tuple[Label, ...]:
        """Those that stand."""
        return tuple(self._labels.values())

    @property
    def gold(self) -> tuple[Gold, ...]:
        """That which stands."""
        return tuple(self._gold.values())

    def label_of(self, annotator: str, pair: str) -> Label | None:
        """What a person says about a pair."""
        return self._labels.get((annotator, pair))

    def gold_of(self, annotator: str, suite: str, paper: str) -> Gold | None:
        """What a person says is right for a paper."""
        return self._gold.get((annotator, suite, paper))


class LabelFile:
    """A file of labels that is open. All of it may be called from several threads."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it. `OutputError` when that cannot be done, `InputError` when it holds other lines."""
        self.path = path
        self._guard = threading.Lock()
        self._known, self._read, self._lines = Labels(), 0, 0
        try:
            # Unbuffered: what is written has left this process, and nothing is written once more when it is closed.
            self._file = path.open("a+b", buffering=0)
            _sync_folder(path.parent)
        except OSError as error:
            raise OutputError(str(path), f"{error.strerror}; choose another with -o") from error
        try:
            self._catch_up()
        except InputError:
            self._file.close()
            raise

    def read(self) -> Labels:
        """What stands now, what other processes have stored included."""
        with self._guard:
            self._catch_up()
            return self._known.copy()

    def append(self, line: AnyLine) -> None:
        """Store a line; it survives whatever happens after this returns. `OutputError` when it is not stored."""
        with self._guard, self._locked():
            self._catch_up()
            # Nobody else writes now, so what is behind the last line is what a process left that was killed; or
            # somebody's editor did, and then only the end of the line is missing.
            self._file.seek(self._read)
            torn = self._file.read()
            kept = self._read + (len(torn) if _is_line(torn) else 0)
            try:
                self._file.truncate(kept)
                self._write((b"\n" if kept > self._read else b"") + line.model_dump_json().encode() + b"\n")
            except OSError as error:
                # Half a line in front of the next one would spoil both.
                self._file.truncate(kept)
                raise OutputError(str(self.path), f"not stored: {error.strerror}") from error
            self._catch_up()

    def _write(self, line: bytes) -> None:
        rest = memoryview(line)
        while rest:
            rest = rest[self._file.write(rest) :]
        os.fsync(self._file.fileno())

    def _catch_up(self) -> None:
        """Read the whole lines that were added."""
        status = os.fstat(self._file.fileno())
        if status.st_nlink == 0 or status.st_size < self._read:
            raise OutputError(str(self.path), "was deleted or cut by another program; stop, and start again")
        self._file.seek(self._read)
        added = bytearray()
        while chunk := self._file.read(2**20):
            added += chunk
        whole = added[: added.rfind(b"\n") + 1]
        for line in whole.split(b"\n")[:-1]:
            self._known.add(_line(self.path, self._lines + 1, line))
            self._lines += 1
            self._read += len(line) + 1
        if _is_line(rest := added[len(whole) :]):
            # Somebody's editor took away its end. It counts, and is read once more when it has one.
            self._known.add(_line(self.path, self._lines + 1, rest))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            portalocker.lock(self._file, portalocker.LockFlags.EXCLUSIVE)
        except portalocker.LockException as error:
            raise OutputError(str(self.path), "its file system has no locks; choose another place with -o") from error
        try:
            yield
        finally:
            portalocker.unlock(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A thread that is writing finishes its line.
        with self._guard:
            self._file.close()


def read_labels(path: Path) -> Labels:
    """What stands in a file that need not be open anywhere; a torn last line is left out. `InputError` as above."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(str(path), str(error.strerror)) from error
    *whole, rest = content.split(b"\n")
    lines = [*whole, rest] if _is_line(rest) else whole
    return Labels(_line(path, number, line) for number, line in enumerate(lines, start=1))


def _line(path: Path, number: int, line: bytes | bytearray) -> AnyLine:
    try:
        return LINE.validate_json(line)
    except ValidationError as error:
        problem = f"not a line of labels, as `summarizer annotate` writes them: {first_problem(error, 'line')}"
        raise InputError(str(path), problem, number) from error


def _is_line(text: bytes | bytearray) -> bool:
    try:
        LINE.validate_json(text)
    except ValidationError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """Have the name of a new file on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
