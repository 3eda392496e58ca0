"""What was handed over to a Batch API and what came of it, on disk before and after each step.

A SQLite database of text, private to the user, that syncs every commit: what it says has been said for good, whatever
happens to the process or the machine afterwards. It knows neither keys nor abstracts.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import ValidationError

from summarizer.errors import CacheError, RequestError
from summarizer.records import Frozen, Tokens

#: A batch: about to be handed over, its file at the server, begun there. One that is harvested is forgotten.
BatchState = Literal["intended", "uploaded", "created"]
#: A request: in a batch, answered (and in the store), failed for good, or to be asked once more.
RequestState = Literal["open", "answered", "failed", "again"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (
    token TEXT PRIMARY KEY, endpoint TEXT NOT NULL, mode TEXT NOT NULL, requests INTEGER NOT NULL,
    bytes INTEGER NOT NULL, state TEXT NOT NULL, since REAL NOT NULL, file_id TEXT, batch_id TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (
    custom_id TEXT PRIMARY KEY, token TEXT NOT NULL, paper TEXT NOT NULL, key TEXT NOT NULL, parts TEXT NOT NULL,
    bytes INTEGER NOT NULL, max_tokens INTEGER NOT NULL, tries INTEGER NOT NULL, state TEXT NOT NULL, problem TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS requests_of_batch ON requests (token, state);
"""
_BATCH = "SELECT token, endpoint, mode, requests, bytes, state, since, file_id, batch_id FROM batches"
_COUNT_OPEN = """
SELECT count(*) FROM requests JOIN batches USING (token) WHERE requests.state = 'open' AND batches.state = 'created'
"""
_REQUEST = "SELECT custom_id, token, paper, key, parts, bytes, max_tokens, tries, state, problem FROM requests"


class Batch(NamedTuple):
    """A file of requests on its way."""

    token: str
    """A random name, which the batch also has at the server, in its metadata."""
    endpoint: str
    mode: str
    """How the answers are held to their form."""
    requests: int
    bytes: int
    state: BatchState
    since: float
    """When it came into this state, in seconds since 1970."""
    file_id: str | None = None
    batch_id: str | None = None


class Asked(NamedTuple):
    """A request, without what it says."""

    custom_id: str
    token: str
    """Of the batch that it is in, or was in last."""
    paper: str
    key: str
    parts: str
    """JSON of its `keys.Parts`."""
    bytes: int
    max_tokens: int
    tries: int
    """Batches that it was in."""
    state: RequestState = "open"
    problem: str | None = None
    """JSON of a `Problem` when it failed, else in words why it is to be asked again."""


class Problem(Frozen):
    """A failure, as `errors.RequestError` has it."""

    kind: str
    message: str
    raw: str = ""
    attempts: int = 1
    tokens: Tokens = Tokens()
    cost_usd: float | None = None

    @classmethod
    def of(cls, error: RequestError) -> "Problem":
        """Keep a failure."""
        return cls(
            kind=error.kind,
            message=str(error),
            raw=error.raw,
            attempts=error.attempts,
            tokens=error.tokens,
            cost_usd=error.cost_usd,
        )

    def error(self, request_id: str) -> RequestError:
        """The failure, of this request."""
        return RequestError(
            request_id,
            self.kind,
            self.message,
            self.raw,
            attempts=self.attempts,
            tokens=self.tokens,
            cost_usd=self.cost_usd,
        )


class Journal:
    """All methods raise `CacheError` when the database fails. For one process at a time, which the caller sees to."""

    def __init__(self, path: Path) -> None:
        """Open or make the journal, in a folder that only this user can read."""
        self._path, self.folder = path, path.parent
        with self._translated():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
            self._database = sqlite3.connect(path, isolation_level=None)
            self._database.execute("PRAGMA synchronous = EXTRA")
            self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Forget what was not committed, and close."""
        self._database.close()

    def begin(self) -> None:
        """Say nothing for good until `commit`."""
        self._do("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Have on disk all that was said since `begin`."""
        self._do("COMMIT")

    def take_back_all(self) -> None:
        """Have nothing said since `begin`, if that was called."""
        if self._database.in_transaction:
            self._do("ROLLBACK")

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is said inside is on disk all together after the block, or not at all when it raises."""
        self.begin()
        try:
            yield
        except BaseException:
            self.take_back_all()
            raise
        self.commit()

    def batches(self, endpoint: str) -> list[Batch]:
        """What is under way at a server."""
        with self._translated():
            return [Batch(*row) for row in self._database.execute(f"{_BATCH} WHERE endpoint = ?", (endpoint,))]

    def begun(self, endpoint: str) -> list[Batch]:
        """The batches that have begun at a server."""
        return [batch for batch in self.batches(endpoint) if batch.state == "created"]

    def find(self, custom_id: str) -> Asked | None:
        """What is known of a request."""
        with self._translated():
            row = self._database.execute(f"{_REQUEST} WHERE custom_id = ?", (custom_id,)).fetchone()
            return None if row is None else Asked(*row)

    def open_requests(self, token: str) -> Iterator[Asked]:
        """The requests in a batch that nothing came of yet."""
        with self._translated():
            rows = self._database.execute(f"{_REQUEST} WHERE token = ? AND state = 'open'", (token,))
            yield from (Asked(*row) for row in rows)

    def count(self, token: str, state: RequestState) -> int:
        """How many requests that were in this batch last are in this state."""
        with self._translated():
            rows = self._database.execute("SELECT count(*) FROM requests WHERE token = ? AND state = ?", (token, state))
            return int(rows.fetchone()[0])

    def count_open(self) -> int:
        """How many requests are under way, at all servers."""
        with self._translated():
            return int(self._database.execute(_COUNT_OPEN).fetchone()[0])

    def add_request(self, asked: Asked) -> None:
        """Put a request into a batch, also one that was in another before."""
        self._do("INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", *asked)

    def add_batch(self, batch: Batch) -> None:
        """Say that a batch is about to be handed over."""
        self._do("INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", *batch)

    def uploaded(self, token: str, file_id: str) -> None:
        """Say that the file is at the server, and that the batch is begun now."""
        change = "UPDATE batches SET state = 'uploaded', file_id = ?, since = ? WHERE token = ?"
        self._do(change, file_id, time.time(), token)

    def created(self, token: str, batch_id: str) -> None:
        """Say that the batch has begun."""
        change = "UPDATE batches SET state = 'created', batch_id = ?, since = ? WHERE token = ?"
        self._do(change, batch_id, time.time(), token)

    def settle(self, custom_id: str, state: RequestState, problem: str | None = None) -> None:
        """Say what came of a request."""
        self._do("UPDATE requests SET state = ?, problem = ? WHERE custom_id = ?", state, problem, custom_id)

    def end(self, token: str, problem: str) -> None:
        """Forget a batch of which all is known; requests that nothing came of are to be asked again."""
        left = "UPDATE requests SET state = 'again', problem = ? WHERE token = ? AND state = 'open'"
        with self.together():
            self._do(left, problem, token)
            self._do("DELETE FROM batches WHERE token = ?", token)

    def take_back(self, token: str, problem: str) -> None:
        """Forget a batch that never began: its requests were in one batch less."""
        left = "UPDATE requests SET state = 'again', problem = ?, tries = tries - 1 WHERE token = ? AND state = 'open'"
        with self.together():
            self._do(left, problem, token)
            self._do("DELETE FROM requests WHERE token = ? AND tries < 1", token)
            self._do("DELETE FROM batches WHERE token = ?", token)

    def forget(self, custom_id: str) -> None:
        """Forget a request."""
        self._do("DELETE FROM requests WHERE custom_id = ?", custom_id)

    def forget_answered(self) -> None:
        """Forget requests whose answers are in the store."""
        self._do("DELETE FROM requests WHERE state = 'answered'")

    def problem_of(self, asked: Asked) -> Problem:
        """Why it failed."""
        try:
            return Problem.model_validate_json(asked.problem or "")
        except ValidationError as error:
            raise CacheError(f"{self._path}: holds a row that this program did not write; move it away") from error

    def _do(self, statement: str, *values: str | float | None) -> None:
        with self._translated():
            self._database.execute(statement, values)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            advice = "free space; or, if it is damaged, look at the server's site for batches before you move it away"
            raise CacheError(f"{self._path}: {error}; {advice}") from error
