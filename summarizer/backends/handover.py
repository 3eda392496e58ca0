"""Batches are begun once: an attempt of which nothing is known is looked for before there is another one."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import Field

from summarizer.backends.batch_api import BatchApi, PassingError
from summarizer.backends.journal import Batch, Journal
from summarizer.backends.spool import file_name
from summarizer.errors import EndpointError
from summarizer.records import Frozen

_LOG = logging.getLogger(__name__)

#: Times that a batch is tried to begin.
_ATTEMPTS = 10
#: Seconds between two looks at whether the run is to stop.
_STOP_CHECK = 0.2


class Pace(Frozen):
    """How long to wait, in seconds."""

    first: float = Field(default=1.0, gt=0.0)
    """Between two looks at batches: at first, then half as much again each time, up to `longest`."""
    longest: float = Field(default=60.0, gt=0.0)
    settled: float = Field(default=15.0, ge=0.0)
    """After which a batch whose beginning was cut short is in the server's list, or will never be."""
    full: float = Field(default=300.0, gt=0.0)
    """At most, before something is handed over again to a server whose queue is full of other things."""


class StoppedError(Exception):
    """The run is to stop."""


class Patience:
    """Waits that a stop cuts short, and troubles that are told once."""

    def __init__(self, pace: Pace, stopping: Callable[[], bool]) -> None:
        """Nothing was told yet."""
        self.pace, self._stopping = pace, stopping
        self._told = ""

    def sleep(self, seconds: float) -> float:
        """Sleep, or raise `StoppedError`; returns how long to sleep the next time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, _STOP_CHECK))
        self.check()
        return min(seconds * 1.5, self.pace.longest)

    def check(self) -> None:
        """Raise `StoppedError` when the run is to stop."""
        if self._stopping():
            raise StoppedError

    def tell(self, error: PassingError) -> None:
        """Say what is waited out, unless it was said just before."""
        if self._told != str(error):
            self._told = str(error)
            _LOG.warning("%s; trying again (this is said once)", error)


class HandOver:
    """Brings files of requests to the server and begins batches."""

    def __init__(self, api: BatchApi, journal: Journal, patience: Patience) -> None:
        """`journal` is told each step before and after."""
        self._api, self._journal, self._patience = api, journal, patience

    def begin(self, batch: Batch, path: Path) -> str:
        """Begin a batch, whose intention is in the journal; returns its id.

        After an `EndpointError` or `StoppedError` the next run finds out whether it has begun.
        """
        pause, problem = self._patience.pace.first, ""
        for _ in range(_ATTEMPTS):
            try:
                file_id = self._api.upload(path, file_name(batch.token))
                self._journal.uploaded(batch.token, file_id)
                batch_id = self._create(batch, file_id)
            except PassingError as error:
                self._api.delete_named(file_name(batch.token))
                self._patience.tell(error)
                problem = str(error)
                pause = self._patience.sleep(pause)
            else:
                self._journal.created(batch.token, batch_id)
                return batch_id
        raise EndpointError(f"{problem}; no batch was begun: the same command tries it again")

    def find_out(self, batch: Batch) -> str | None:
        """The id of the batch, if it had begun when its run was killed; if not, nothing of it is left at the server."""
        found = self._search(batch) if batch.state == "uploaded" else None
        if found is None:
            if batch.file_id:
                self._api.delete(batch.file_id)
            self._api.delete_named(file_name(batch.token))
        else:
            self._journal.created(batch.token, found)
        return found

    def _create(self, batch: Batch, file_id: str) -> str:
        """`PassingError` when it has not begun."""
        try:
            return self._api.create(file_id, batch.token)
        except PassingError as error:
            self._patience.tell(error)
            found = self._search(batch._replace(file_id=file_id, since=time.time()))
            if found is None:
                # With its file a batch goes that was begun after all, and that the list did not show.
                self._api.delete(file_id)
                raise
            return found

    def _search(self, batch: Batch) -> str | None:
        pace = self._patience.pace
        pause, until = pace.first, batch.since + pace.settled
        while True:
            try:
                found = self._api.find(batch.token, batch.file_id, batch.since)
            except PassingError as error:
                self._patience.tell(error)
            else:
                # A clock that was set back makes no wait longer.
                until = min(until, time.time() + pace.settled)
                if found is not None or time.time() >= until:
                    return found
            pause = self._patience.sleep(pause)
