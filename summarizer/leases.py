"""Exclusive leases by key, among all threads and processes of one machine: who holds one works, and others wait for it.

A lease is a POSIX lock on one byte of a file, at a place that the key tells. The file stays empty, nothing is ever left
to be cleared away, and the kernel frees the locks of a process with the process, however that ends.
"""

import fcntl
import logging
import os
import threading
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

_LOG = logging.getLogger(__name__)

#: Bytes of the key's hash that tell the place of its lock: as many as fit below the largest place in a file, 2^63 - 1.
_PLACE_BYTES = 7


class _Held(NamedTuple):
    key: str
    holder: "Leases"
    thread: int


@dataclass
class _File:
    """A file of leases as this process has it open."""

    identity: tuple[int, int]
    descriptor: int
    users: int = 0
    locks: bool = True
    """Whether the file system has locks; without them only the threads of this process respect one another."""
    held: dict[int, _Held] = field(default_factory=dict)
    """By place. The kernel takes a process for one holder, so that its threads have to be told apart here."""


class _Process:
    """The files of leases that this process has open: each only once, by device and inode.

    When a process closes any descriptor of a file, it loses all its locks on it.
    """

    def __init__(self) -> None:
        # Reentrant, because collecting garbage may close an iterator, and with it leases, in the middle of anything.
        self.guard, self.files = threading.RLock(), dict[tuple[int, int], _File]()

    def join(self, path: Path) -> _File:
        """The file at `path`, made if there is none; `OSError` if it cannot be used. The caller has the guard."""
        file = self.files.get(_identity_at(path))
        if file is None:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            status = os.fstat(descriptor)
            opened = _File((status.st_dev, status.st_ino), descriptor)
            # If a rename has just put a file there that is open here, the second descriptor has to stay open as well.
            file = self.files.setdefault(opened.identity, opened)
        file.users += 1
        return file

    def leave(self, file: _File) -> None:
        """Close the file behind its last user. The caller has the guard."""
        file.users -= 1
        if not file.users:
            del self.files[file.identity]
            os.close(file.descriptor)

    def forget(self) -> None:
        """In a forked child, which inherits the descriptors and none of the locks."""
        self.guard = threading.RLock()
        for file in self.files.values():
            file.held.clear()


_PROCESS = _Process()
os.register_at_fork(after_in_child=_PROCESS.forget)


class Leases:
    """Leases of one holder, who frees them by and by, or all at once by leaving the `with` block.

    Where the file cannot be used, or the file system has no locks, one warning says so and every lease is given: work
    may then be done twice, and none stays undone.
    """

    def __init__(self, path: Path) -> None:
        """`path` is in a folder that only this user can write. Nothing is opened before the first lease."""
        self._path = path
        self._file: _File | None = None
        self._usable = True

    def __enter__(self) -> Self:
        """Nothing yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Free all."""
        self.close()

    def take(self, key: str) -> bool:
        """Take the lease if nobody has it, in any process; never waits."""
        with _PROCESS.guard:
            file = self._open()
            if file is None:
                return True
            place = _place(key)
            if place in file.held or not self._lock(file, place):
                return False
            file.held[place] = _Held(key, self, threading.get_ident())
            return True

    def is_of_this_thread(self, key: str) -> bool:
        """Whether this very thread has taken the lease: who waited for it here would wait for itself."""
        with _PROCESS.guard:
            held = self._file.held.get(_place(key)) if self._file else None
            return held is not None and held.thread == threading.get_ident()

    def free(self, key: str) -> None:
        """Give the lease back, if this holder has it."""
        with _PROCESS.guard:
            place = _place(key)
            # Another key may have the same place.
            if self._file and (held := self._file.held.get(place)) and held.holder is self and held.key == key:
                self._unlock(self._file, place)

    def close(self) -> None:
        """Give all leases of this holder back."""
        with _PROCESS.guard:
            file, self._file = self._file, None
            if file is None:
                return
            for place in [place for place, held in file.held.items() if held.holder is self]:
                self._unlock(file, place)
            _PROCESS.leave(file)

    def _open(self) -> _File | None:
        if self._file is None and self._usable:
            try:
                self._file = _PROCESS.join(self._path)
            except OSError as error:
                self._usable = False
                _LOG.warning("%s: %s; runs at the same time may ask the same", self._path, error.strerror)
        return self._file

    def _lock(self, file: _File, place: int) -> bool:
        if file.locks:
            try:
                fcntl.lockf(file.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            except (BlockingIOError, PermissionError):  # POSIX allows both
                return False
            except OSError as error:
                file.locks = False
                _LOG.warning("%s: no locks: %s; runs at the same time may ask the same", self._path, error.strerror)
        return True

    def _unlock(self, file: _File, place: int) -> None:
        del file.held[place]
        if file.locks:
            fcntl.lockf(file.descriptor, fcntl.LOCK_UN, 1, place)


def _identity_at(path: Path) -> tuple[int, int]:
    try:
        status = path.lstat()
    except OSError:
        return -1, -1  # what is wrong is told by opening it
    return status.st_dev, status.st_ino


def _place(key: str) -> int:
    return int.from_bytes(sha256(key.encode()).digest()[:_PLACE_BYTES], "big")
