"""What questions took so far, added up for each model, prompt and form: the measure for what others will take.

Kept beside the answers, in a database of sums. It is a help and no record: one that cannot be written costs no run
anything, and it is told once.
"""

import hashlib
import logging
import sqlite3
import threading
import time
from pathlib import Path

from summarizer.completion import Completion, Outcome, Request
from summarizer.keys import Parts
from summarizer.records import Frozen, Tokens

_LOG = logging.getLogger(__name__)

FILE = "usage.db"
#: Seconds between two writes: one for each answer would take as long as keeping it.
PACE = 1.0
_SUMS = ("first", "second", "attempts", "size", "prompt", "cached_prompt", "written_prompt", "completion", "reasoning")
_COLUMNS = (*_SUMS, "seconds")


class Usage(Frozen):
    """Sums over the questions of one context."""

    first: int = 0
    """Questions that were asked for the first time and ended, whether with an answer or not."""
    second: int = 0
    """Those that were asked again because of what the answer said."""
    attempts: int = 0
    size: int = 0
    """Bytes of the first questions with all that comes before the papers."""
    prompt: int = 0
    cached_prompt: int = 0
    written_prompt: int = 0
    completion: int = 0
    reasoning: int = 0
    """Tokens of all attempts, as they were counted by whoever answered."""
    seconds: float = 0.0
    """Time that the answers took, one by one."""

    @property
    def tokens(self) -> Tokens:
        """The tokens of all."""
        return Tokens(**{name: getattr(self, name) for name in Tokens.model_fields})


def context(parts: Parts) -> str:
    """By what questions are put together: all that their keys are made of, but the paper and the round."""
    same = parts.model_dump(exclude={"paper", "attempt", "prompt", "language"})
    return hashlib.sha256(repr(sorted(same.items())).encode()).hexdigest()


def size_of(request: Request) -> int:
    """Bytes of all that is said in a request."""
    return sum(len(message.content.encode(errors="replace")) for message in request.messages) + len(request.schema_text)


class Ledger:
    """The sums of one cache folder, from as many threads and processes as there are."""

    def __init__(self, folder: Path) -> None:
        """Nothing is opened before there is something to write or to read."""
        self._path, self._lock = folder / FILE, threading.Lock()
        self._sums: dict[str, dict[str, float]] = {}
        self._written = time.monotonic()
        self._broken = False

    def add(self, parts: Parts, request: Request, outcome: Outcome) -> None:
        """Add what one question took; a hit of the cache took nothing and is not to be added."""
        if not outcome.tokens.prompt + outcome.tokens.completion:
            return  # it never got to a model, or nothing was counted
        first = request.attempt == 1
        seconds = outcome.seconds if isinstance(outcome, Completion) else 0.0
        took = {
            "first": int(first),
            "second": int(not first),
            "attempts": outcome.attempts,
            "size": size_of(request) if first else 0,
            **outcome.tokens.model_dump(),
            "seconds": seconds,
        }
        with self._lock:
            sums = self._sums.setdefault(context(parts), dict.fromkeys(_COLUMNS, 0))
            for name, amount in took.items():
                sums[name] += amount
            due = time.monotonic() - self._written >= PACE
        if due:
            self.write()

    def write(self) -> None:
        """Put what was added into the database."""
        with self._lock:
            sums, self._sums, self._written = self._sums, {}, time.monotonic()
            if not sums or self._broken:
                return
            marks = ", ".join("?" * (len(_COLUMNS) + 1))
            more = ", ".join(f"{name} = {name} + excluded.{name}" for name in _COLUMNS)
            rows = [(key, *(amounts[name] for name in _COLUMNS)) for key, amounts in sums.items()]
            try:
                with _opened(self._path) as database:
                    database.executemany(
                        f"INSERT INTO usage VALUES ({marks}) ON CONFLICT (context) DO UPDATE SET {more}",  # noqa: S608
                        rows,
                    )
                database.close()
            except sqlite3.Error as error:
                self._broken = True
                _LOG.warning("%s: %s; `summarizer plan` will not know what this run took", self._path, error)

    def usage(self, parts: Parts) -> Usage:
        """The sums of a context; nothing when it is not known or cannot be read."""
        if not self._path.exists():
            return Usage()
        try:
            with _opened(self._path) as database:
                row = database.execute(
                    f"SELECT {', '.join(_COLUMNS)} FROM usage WHERE context = ?",  # noqa: S608
                    (context(parts),),
                ).fetchone()
            database.close()
            return Usage(**dict(zip(_COLUMNS, row, strict=True))) if row else Usage()
        except (sqlite3.Error, ValueError) as error:
            _LOG.warning("%s: %s; what earlier runs took is not known", self._path, error)
            return Usage()


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=10.0)
    columns = ", ".join(f"{name} {'REAL' if name == 'seconds' else 'INTEGER'} NOT NULL" for name in _COLUMNS)
    database.execute(f"CREATE TABLE IF NOT EXISTS usage (context TEXT PRIMARY KEY, {columns}) WITHOUT ROWID")
    return database
