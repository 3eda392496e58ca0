"""Answers are kept on disk under the keys of their requests, so that nothing is computed or paid twice.

The store is diskcache (SQLite), opened so that it cannot hurt: text only and never pickle, no eviction, a folder that
is the user's own, and a minute's patience for other processes. Safe for several processes at once; not for network
file systems, on which SQLite's locks are not reliable.
"""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from diskcache import Cache, Disk, Timeout
from pydantic import ValidationError

from summarizer.completion import Backend, Completion, Identity, Outcome, Request, never
from summarizer.errors import CacheError
from summarizer.keys import Parts, differences, paper_digest, request_parts
from summarizer.leases import Leases
from summarizer.ledger import Ledger
from summarizer.records import Frozen
from summarizer.under_way import UnderWay, as_hit

#: Where the answers are inside the cache folder. A new form of `Entry` gets a new one: old rows are no tampering.
FOLDER = "answers-2"
#: The file beside them, always empty, on whose bytes those have locks who ask.
_LEASES = "leases"
#: Seconds for which others may ask something without any sign of life before it is asked here too.
PATIENCE = 600.0


class Entry(Frozen):
    """One stored answer with what it was an answer to."""

    parts: Parts
    completion: Completion


def explain(store: "Store", identity: Identity, request: Request, *, text_known: bool) -> list[str]:
    """Say whether this request would be answered from the store, then of every stored answer of the paper what differs.

    Without the input the paper's text is not known (`text_known`), and that part is taken as equal.
    """
    wanted = request_parts(identity, request)
    stored = dict(store.answers_for(request.id))
    # The same text may have been asked about under another id.
    if text_known and (same := store.get(request.key)) is not None:
        stored.setdefault(request.key, same)
    lines, hit = [], False
    for key, entry in stored.items():
        parts = wanted if text_known else wanted.model_copy(update={"paper": entry.parts.paper})
        differing = differences(parts.model_copy(update={"attempt": entry.parts.attempt}), entry.parts)
        repair = entry.parts.attempt > 1
        used = not differing and (repair or not text_known or key == request.key)
        hit = hit or (used and not repair)
        made = f"  {'repair' if repair else 'answer'} of {entry.completion.created_at} by {entry.parts.model}"
        lines.append(f"{made} is used" if used else f"{made} is not used; stored -> wanted:")
        lines += [f"    {line}" for line in differing]
    if hit:
        verdict = "is answered from the cache" + ("" if text_known else ", if the text is the same")
    else:
        verdict = "is asked; " + ("no stored answer fits" if stored else "no answer is stored")
    return [f"{request.id}: {verdict}", *lines]


class TextDisk(Disk):  # type: ignore[misc]
    """A `diskcache.Disk` that reads and writes text and refuses everything else.

    diskcache unpickles any row that is marked as pickled, its JSONDisk too (CVE-2025-69872), and opens any file that a
    row names. Whoever can write the database could so run code; here such a row raises.
    """

    def put(self, key: object) -> tuple[str, bool]:
        """Accept text keys."""
        if not isinstance(key, str):
            raise CacheError(f"only text can be a key of the cache, not {type(key).__name__}")
        return key, True

    def get(self, key: object, raw: object) -> str:
        """Read text keys. One that was not written here is not raised, so that listing goes on behind it."""
        return key if raw and isinstance(key, str) else _FOREIGN

    def store(self, value: object, read: bool, key: object = None) -> tuple[int, int, None, str]:  # noqa: ARG002
        """Accept text values, kept in the database itself."""
        if read or not isinstance(value, str):
            raise CacheError(f"only text can be kept in the cache, not {type(value).__name__}")
        return len(value), _MODE_RAW, None, value

    def fetch(self, mode: object, filename: object, value: object, read: object) -> str:
        """Read text values; a row that is marked as pickled, binary or kept in a file was not written here."""
        if mode != _MODE_RAW or filename is not None or read or not isinstance(value, str):
            raise CacheError(_tampered(self._directory))
        return value

    def remove(self, file_path: object) -> None:
        """Remove nothing: no row of ours names a file, and one that does was not written here."""


_MODE_RAW = 1
_FOREIGN = ""


def _tampered(directory: str) -> str:
    return (
        f"cache {directory}: holds a row that this program did not write; nothing of it was loaded. "
        "Move the folder away or run `summarizer cache clear`"
    )


class Store:
    """The answers on disk. All methods raise `CacheError` when the database fails."""

    def __init__(self, directory: Path) -> None:
        """Open or make the store in `directory`, which must belong to this user and to nobody else."""
        self.directory = directory / FOLDER
        check_owner(directory)
        if os.path.expandvars(directory) != str(directory):
            # The library would fill it in, and use a folder that nobody looked at.
            raise CacheError(f"cache {directory}: a name with a variable in it is not used; write it out")
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            reason = f"cannot be made: {error.strerror}; choose another with --cache-dir, or run with --no-cache"
            raise CacheError(f"cache {directory}: {reason}") from error
        with _translated(self.directory):
            self.directory.mkdir(mode=0o700, exist_ok=True)
            check_owner(self.directory)
            self.directory.chmod(0o700)
            self._cache = Cache(str(self.directory), timeout=60, disk=TextDisk, eviction_policy="none", cull_limit=0)

    def get(self, key: str) -> Entry | None:
        """The entry under this key."""
        if key == _FOREIGN:
            raise CacheError(_tampered(str(self.directory)))
        with _translated(self.directory):
            text = self._cache.get(key)
        return None if text is None else self._read(key, text)

    def put(self, key: str, entry: Entry) -> None:
        """Keep an entry; it is on disk when this returns."""
        with _translated(self.directory):
            self._cache.set(key, entry.model_dump_json())

    def entries(self, broken: Callable[[CacheError], None] | None = None) -> Iterator[tuple[str, Entry]]:
        """All entries, in the order in which they were first kept.

        A row that this program did not write is raised, or given to `broken`, and then the others still come.
        """
        with _translated(self.directory):
            for key in self._cache:
                try:
                    entry = self.get(key)
                except CacheError as error:
                    if broken is None:
                        raise
                    broken(error)
                    continue
                if entry is not None:
                    yield key, entry

    def answers_for(self, paper_id: str) -> list[tuple[str, Entry]]:
        """All entries of one paper. Reads the whole store: this is for finding out why, not for running."""
        return [(key, entry) for key, entry in self.entries() if entry.completion.request_id == paper_id]

    def clear(self) -> int:
        """Forget everything; returns how many answers there were."""
        with _translated(self.directory):
            return int(self._cache.clear())

    def stats(self) -> tuple[int, int]:
        """How many answers there are, and how many bytes the store takes on disk."""
        with _translated(self.directory):
            return len(self._cache), int(self._cache.volume())

    def _read(self, key: str, text: str) -> Entry:
        try:
            return Entry.model_validate_json(text)
        except ValidationError as error:
            raise CacheError(f"{_tampered(str(self.directory))} (row {key[:12]})") from error


class CachedBackend:
    """A backend around a backend: known requests are answered from the store, the others asked and kept.

    What another thread or process is asking with the same store is not asked beside it, but waited for.
    """

    def __init__(self, backend: Backend, store: Store, patience: float = PATIENCE) -> None:
        """Neither the backend's model nor any heavy library is touched before the first miss.

        When others hold back what they ask for `patience` seconds without any sign of life, it is asked here too.
        """
        self._backend, self._store, self._patience = backend, store, patience
        self._ledger = Ledger(store.directory)

    @property
    def identity(self) -> Identity:
        """That of the backend inside."""
        return self._backend.identity

    def complete(self, requests: Iterable[Request], stopping: Callable[[], bool] = never) -> Iterator[Outcome]:
        """See `completion.Backend`; hits come as soon as they are found, marked `cached`.

        What is being asked already (the same paper under another id, or by another run) is not asked again beside it.
        """
        try:
            yield from self._complete(iter(requests), stopping)
        finally:
            self._ledger.write()

    def _complete(self, coming: Iterator[Request], stopping: Callable[[], bool]) -> Iterator[Outcome]:
        with Leases(self._store.directory / _LEASES) as leases:
            under_way = UnderWay(leases, self._patience)
            while (request := under_way.next_twin() or _pull(coming, under_way)) is not None or under_way.is_waiting:
                if request is None:
                    if stopping():
                        return
                    under_way.wait()
                elif self._begins(request, under_way):
                    for outcome in self._backend.complete(self._misses(request, coming, under_way), stopping):
                        asked = under_way.asked.get(outcome.request_id)
                        if asked is not None:
                            self._note(asked, outcome)
                        under_way.settle(outcome)
                        yield outcome
                        yield from under_way.take_hits()
                    under_way.let_go()
                    yield from under_way.take_hits()
                    if stopping():
                        return
                else:
                    yield from under_way.take_hits()

    def _misses(self, first: Request, coming: Iterator[Request], under_way: UnderWay) -> Iterator[Request]:
        # What turns up while the backend looks for work and needs not be asked is set aside, and nothing is waited for.
        # When too much waits, or all the rest is asked by others, the backend is let go.
        yield first
        while (request := _pull(coming, under_way)) is not None:
            if self._begins(request, under_way):
                yield request

    def _begins(self, request: Request, under_way: UnderWay) -> bool:
        """Whether this is to be asked; if not, its answer is set aside, or the request itself."""
        # As long as somebody else has the lease no answer is there, and asking the kernel is quicker.
        hit = None if under_way.was_set_aside(request) else self._find(request)
        if hit is None and under_way.begin(request):
            # Whoever had the lease until now may have answered since the look before.
            hit = self._find(request)
            if hit is None:
                return True
            under_way.settle(hit)
        if hit is not None:
            under_way.add_hit(hit)
        return False

    def _find(self, request: Request) -> Completion | None:
        entry = self._store.get(request.key)
        if entry is None:
            return None
        if entry.parts.paper != paper_digest(request):
            # The answer to another paper, put under this key.
            raise CacheError(f"{_tampered(str(self._store.directory))} (row {request.key[:12]})")
        return as_hit(entry.completion, request)

    def _note(self, request: Request, outcome: Outcome) -> None:
        parts = request_parts(self.identity, request)
        if isinstance(outcome, Completion):
            self._store.put(request.key, Entry(parts=parts, completion=outcome))
        self._ledger.add(parts, request, outcome)


def _pull(coming: Iterator[Request], under_way: UnderWay) -> Request | None:
    return under_way.next_due() or (next(coming, None) if under_way.has_room() else None)


def check_owner(directory: Path) -> None:
    """Refuse a folder, if there is one, of another user or that everybody may write: answers and weights are in it."""
    try:
        status = directory.stat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise CacheError(f"cache {directory}: {error.strerror}; choose another with --cache-dir") from error
    if not stat.S_ISDIR(status.st_mode):
        raise CacheError(f"cache {directory}: is not a folder; choose another with --cache-dir")
    if status.st_mode & stat.S_IWOTH:
        raise CacheError(f"cache {directory}: anybody could change answers in it; run `chmod o-w` or choose another")
    if status.st_uid != os.geteuid():
        raise CacheError(
            f"cache {directory}: belongs to another user (uid {status.st_uid}), who could change answers; "
            "choose another with --cache-dir",
        )


@contextmanager
def _translated(directory: Path) -> Iterator[None]:
    try:
        yield
    except Timeout as error:
        raise CacheError(f"cache {directory}: another process held it for more than a minute") from error
    except (sqlite3.Error, OSError, TypeError) as error:
        raise CacheError(
            f"cache {directory}: {error}; free space or, if the database is damaged, move the folder away; or choose "
            "another with --cache-dir, or run with --no-cache",
        ) from error
