"""JSON Lines of records: the contract, of which all other formats are views."""

import logging
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Generic, Self, TypeVar

import portalocker
from pydantic import ValidationError

from summarizer.errors import InputError, OutputError
from summarizer.records import Frozen, Record, first_problem

Line = TypeVar("Line", bound=Frozen)

_LOG = logging.getLogger(__name__)

#: The name that stands for standard input and standard output.
STANDARD = "-"
#: How every line begins that this module writes.
_BEGINNING = b'{"schema_version":'


def read_records(path: str | Path, broken: Callable[[InputError], None] | None = None) -> Iterator[Record]:
    """Records of a file, or of standard input for `-`, streamed; blank lines do not count.

    `InputError` with the line of the first thing that is not a record, or `broken` gets the error of each. A last line
    that is torn, because its run was killed or still goes on, is left out, and the log says so.
    """
    name = str(path)
    try:
        with open(0 if name == STANDARD else name, "rb", closefd=name != STANDARD) as file:
            for number, line in enumerate(file, start=1):
                if is_torn(line):
                    _LOG.warning("%s, line %d: is not finished and is left out; its run has not ended", name, number)
                elif not line.isspace():
                    try:
                        record = parse_line(name, number, line)
                    except InputError as error:
                        if broken is None:
                            raise
                        broken(error)
                    else:
                        yield record
    except OSError as error:
        raise InputError(name, str(error.strerror)) from error


def is_torn(line: bytes, begins: bytes = _BEGINNING) -> bool:
    """Say whether a line is what a run left that was killed in the middle of it, or that still goes on.

    `begins` is how whole lines do, by default those of records.
    """
    # What a kill left begins like a record, and what a power failure left may be zeros; anything else is somebody's.
    beginning = line[: len(begins)]
    return not line.endswith(b"\n") and (begins.startswith(beginning) or not line.strip(b"\0"))


def parse_line(path: str, number: int, line: bytes) -> Record:
    """Read one line; `InputError` with its place when it is not a record."""
    try:
        return Record.model_validate_json(line)
    except ValidationError as error:
        raise InputError(path, f"not a record of this version: {first_problem(error, 'line')}", number) from error


def hold(file: IO[bytes], path: Path) -> None:
    """Keep other processes from writing the file until it is closed; when one does, it is closed (`OutputError`)."""
    try:
        portalocker.lock(file, portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING)
    except portalocker.LockException as error:
        file.close()
        raise OutputError(str(path), "another process is writing this file") from error
    # It may have been replaced between its opening and now, and what is held is then a file without a name.
    if not (path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno()))):
        file.close()
        raise OutputError(str(path), "another process has just replaced this file; try again")


def _shown(path: Path) -> str:
    return "standard output" if str(path) == STANDARD else str(path)


class LineFile(Generic[Line]):
    """An output file that is whole at every moment: it is appended line by line and never held by two processes.

    A process that is killed leaves at most one torn line at the end, which `written()` takes away. Standard output
    (`-`) is only ever written to: what stands before in a file that it leads to is not ours. Use it as a context
    manager.
    """

    def __init__(self, path: Path, parse: Callable[[str, int, bytes], Line], begins: bytes) -> None:
        """Open the file, or make it; `OutputError` when that cannot be done or another process writes it.

        `parse` reads a line of the file of that name and that number, or raises `InputError`; `begins` is how all lines
        begin that are written here.
        """
        self._parse, self._begins = parse, begins
        self.path, standard = path, str(path) == STANDARD
        try:
            # Unbuffered: nothing is left behind that could fail once more when the file is closed on a full disk.
            self._file = os.fdopen(os.dup(1), "wb", buffering=0) if standard else path.open("ab", buffering=0)
        except OSError as error:
            raise OutputError(_shown(path), f"{error.strerror}; choose another with -o") from error
        self._is_regular = not standard and stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)
        if self._is_regular:
            hold(self._file, path)

    def written(self) -> Iterator[Line]:
        """The lines that are there already, streamed; after the last one a torn line is taken away."""
        if not self._is_regular:
            return
        whole = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if is_torn(line, self._begins):
                    break
                if not line.isspace():
                    yield self._own(number, line)
                whole += len(line)
        self._truncate(whole)

    def _own(self, number: int, line: bytes) -> Line:
        try:
            return self._parse(str(self.path), number, line)
        except InputError as error:
            reason = f"line {number} is {error.reason}; the file is left as it is, choose another with -o"
            raise OutputError(str(self.path), reason) from error

    def start_anew(self) -> None:
        """Forget what the file holds."""
        if self._is_regular:
            self._truncate(0)

    def append(self, item: Line) -> None:
        """Write one line; it has left this process when this returns."""
        line = memoryview(item.model_dump_json().encode() + b"\n")
        try:
            while line:
                line = line[self._file.write(line) :]
            self._check_there()
        except BrokenPipeError:  # The reader of a pipe has seen enough: nothing is wrong with the output.
            raise
        except OSError as error:
            if self._is_regular:
                raise OutputError(
                    str(self.path), f"{error.strerror}; what is written stays, run again to go on"
                ) from error
            raise OutputError(_shown(self.path), f"{error.strerror}") from error

    def _check_there(self) -> None:
        if self._is_regular and os.fstat(self._file.fileno()).st_nlink == 0:
            raise OutputError(str(self.path), "was deleted while it was being written; run again to begin anew")

    def _truncate(self, size: int) -> None:
        if os.fstat(self._file.fileno()).st_size > size:
            self._file.truncate(size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


class RecordFile(LineFile[Record]):
    """The output of a run: a `LineFile` of records."""

    def __init__(self, path: Path) -> None:
        """As for a `LineFile`."""
        super().__init__(path, parse_line, _BEGINNING)
