"""The files of requests that are handed over: written line by line, and held to what a file may have."""

import os
from pathlib import Path
from secrets import token_hex

from pydantic import Field

from summarizer.errors import CacheError
from summarizer.records import Frozen


class FileLimits(Frozen):
    """What one file of requests may hold."""

    requests: int = Field(default=50_000, ge=1)
    bytes: int = Field(default=199_000_000, ge=1)
    """Below the 200 MB of OpenAI."""


def file_name(token: str) -> str:
    """What the file of a batch is called, here and at the server."""
    return f"summarizer-{token}.jsonl"


def private(path: str, flags: int) -> int:
    """An opener for files that only this user can read."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


class Spool:
    """A file of requests that is being written, under a random token. `CacheError` when the disk is full."""

    def __init__(self, folder: Path) -> None:
        """Begin a file."""
        self.token = token_hex(16)
        self.path = folder / file_name(self.token)
        self.requests = self.bytes = 0
        self._file = open(self.path, "wb", opener=private)  # noqa: SIM115 - closed by `close`

    def has_room(self, size: int, limits: FileLimits) -> bool:
        """Whether one more line of this size fits."""
        return self.requests < limits.requests and self.bytes + size <= limits.bytes

    def add(self, line: bytes) -> None:
        """Write a line."""
        try:
            self._file.write(line)
        except OSError as error:
            raise self._full(error) from error
        self.requests += 1
        self.bytes += len(line)

    def close(self) -> None:
        """Have all of it in the file."""
        try:
            self._file.close()
        except OSError as error:
            raise self._full(error) from error

    def _full(self, error: OSError) -> CacheError:
        return CacheError(f"{self.path}: {error.strerror}; free space, or choose another --cache-dir")


class Queue:
    """How much a server lets wait, which it only says by refusing."""

    def __init__(self) -> None:
        """Any amount, as far as is known."""
        self._most: int | None = None  # bytes
        self.refusals = 0
        """How often in a row it was full."""

    @property
    def is_known(self) -> bool:
        """Whether it was full once."""
        return self._most is not None

    def has_room(self, waiting: int, size: int) -> bool:
        """Whether so many more bytes may be handed over."""
        return self._most is None or not waiting or waiting + size <= self._most

    def refused(self, size: int, others: int) -> None:
        """Learn that a file of this size was too much beside the others."""
        self._most, self.refusals = others or size // 2, self.refusals + 1

    def accepted(self) -> None:
        """Learn that there was room."""
        self.refusals = 0
