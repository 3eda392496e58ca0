"""Runs by way of a Batch API: everything is asked at half the price, answered within a day, and never paid twice.

    dry pass, which collects what the cache does not have -> files -> batches -> wait -> store -> dry pass ...

A dry pass is the ordinary pipeline over the inputs, whose records are thrown away: it finds first questions and repairs
alike. When one has nothing left to collect, the run itself finds every answer in the cache.

What has to survive a kill is in a journal. Before a batch is begun, its intention is there under a random token, which
is also in the metadata of the batch. So the next command finds out from the server whether the batch has begun: if so
it is taken over, if not the intention is dropped, and what it was about is collected anew if it is still wanted.
"""

import logging
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import portalocker
from pydantic import ValidationError

from summarizer.backends.batch_api import BatchApi, remove
from summarizer.backends.batch_lines import custom_id, written
from summarizer.backends.budget import Amount, Budget
from summarizer.backends.endpoint import Endpoint
from summarizer.backends.handover import HandOver, Pace, Patience, StoppedError
from summarizer.backends.harvest import Harvest
from summarizer.backends.hosted import HostedBackend
from summarizer.backends.journal import Asked, Batch, Journal, Problem
from summarizer.backends.refusals import NOT_TEXT
from summarizer.backends.replies import clean, failure
from summarizer.backends.spool import FileLimits, Queue, Spool, private
from summarizer.backends.wire import Wire
from summarizer.cache import CachedBackend, Entry, Store, check_owner
from summarizer.completion import Completion, Identity, Outcome, Request, never
from summarizer.errors import CacheError, RequestError, SettingsError
from summarizer.keys import Parts, request_parts
from summarizer.ledger import Ledger
from summarizer.settings import Settings

_LOG = logging.getLogger(__name__)

#: Where the journal and the files are inside the cache folder.
FOLDER = "batches"
_JOURNAL = "journal.sqlite"
#: Batches that a request is in at most, before it fails.
MOST_TRIES = 3


class BatchedBackend:
    """Answers through batches; implements `completion.Backend`. Use it as a context manager.

    First `answer` has to be called with a dry pass. Before that, and for what could not be answered, there are only
    failures.
    """

    def __init__(
        self,
        settings: Settings,
        stopping: Callable[[], bool] = never,
        pace: Pace | None = None,
        limits: FileLimits | None = None,
    ) -> None:
        """Check the settings and open the journal; `SettingsError` or `CacheError` if that cannot be.

        Only one run at a time can have the batches of a cache. Nothing is sent yet.
        """
        if settings.backend != "hosted":
            raise SettingsError("--batch: only hosted models are asked in batches: give --backend hosted and --model")
        if not settings.cache:
            raise SettingsError("--batch: paid answers are kept in the cache: run without --no-cache")
        self._settings, self._limits = settings, limits or FileLimits()
        self._hosted, self._endpoint = HostedBackend(settings, stopping=stopping), Endpoint(settings)
        self._price = self._endpoint.price
        self._budget = Budget(self._price, settings.max_cost, settings.max_total_tokens, batch=True)
        self._patience, self._queue = Patience(pace or Pace(), stopping), Queue()
        self._store = Store(settings.cache_dir)
        self._folder = settings.cache_dir / FOLDER
        self._lock = _locked(self._folder)
        self._journal = Journal(self._folder / _JOURNAL)
        self._cached, self._ledger = CachedBackend(_Collector(self), self._store), Ledger(self._store.directory)
        self._spool: Spool | None = None
        self._wanted: set[str] = set()
        """Tokens of the batches that hold what this run needs."""
        self._left_out = self._later = False
        """Whether there was something that the budget, or the server's queue, had no room for."""
        self._is_final = False
        """Whether all is answered that will be."""
        self._failed: list[str] = []
        self._connections: list[BatchApi] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for api in self._connections:
            api.close()
        self._journal.close()
        self._lock.close()

    @property
    def identity(self) -> Identity:
        """That of the server."""
        return self._hosted.identity

    def complete(self, requests: Iterable[Request], stopping: Callable[[], bool] = never) -> Iterator[Outcome]:
        """See `completion.Backend`; an answer that came in a batch is `cached` only from the second time on."""
        fresh: dict[str, Request] = {}

        def noted() -> Iterator[Request]:
            for request in requests:
                if self._is_final and self._is_fresh(request):
                    fresh[request.id] = request
                yield request

        for outcome in self._cached.complete(noted(), stopping):
            request = fresh.pop(outcome.request_id, None) if isinstance(outcome, Completion) else None
            if request is None or not isinstance(outcome, Completion):
                yield outcome
            else:
                self._ledger.add(request_parts(self.identity, request), request, outcome)
                yield outcome.model_copy(update={"cached": False})

    def _is_fresh(self, request: Request) -> bool:
        asked = self._journal.find(custom_id(request.key))
        if asked is None or asked.state != "answered":
            return False
        self._journal.forget(asked.custom_id)
        return True

    @property
    def is_under_way(self) -> bool:
        """Whether there is a batch that the server works on."""
        return bool(self._begun())

    def answer(self, dry: Callable[[], Generator[object]]) -> bool:
        """Have all answers in the cache that a dry pass asks for; False when the run was stopped.

        `dry` begins a pass of the pipeline over the same inputs, with this backend, each time that it is called. What
        stays without an answer has its failure afterwards. What is under way at a stop, or when an error is raised,
        goes on at the server, and the next call takes it over.
        """
        try:
            self._take_over()
            while self._collects(dry):
                self._wait()
        except StoppedError:
            return False
        if spent := self._budget.spent.tokens:
            cost = f", ${self._budget.spent.usd:.4f}" if self._price else ""
            _LOG.info("batches brought %d answers: %s tokens%s", self._harvest.answers, f"{spent:,.0f}", cost)
        self._is_final = True
        self._journal.begin()
        return True

    def finish(self) -> None:
        """Forget what was answered and what failed: it is in the output now."""
        self._ledger.write()
        for known in self._failed:
            self._journal.forget(known)
        self._journal.forget_answered()
        self._journal.commit()

    def _take_over(self) -> None:
        """Go on with what earlier runs left."""
        for path in (*self._folder.glob("*.jsonl"), *self._folder.glob("*.part")):
            remove(path)
        for batch in self._journal.batches(self._endpoint.url):
            if batch.state == "created":
                continue
            if (found := self._handover.find_out(batch)) is None:
                self._journal.take_back(batch.token, "its run ended before it began")
            else:
                _LOG.info("batch %s had begun when its run ended; it is taken over", self._shown(found))
        for batch in self._begun():
            for asked in self._journal.open_requests(batch.token):
                self._budget.take(self._most(asked), anyway=True)
        for batch in self._begun():
            # Also those that this run does not want: they are paid for.
            self._harvest.look_at(batch)

    def _collects(self, dry: Callable[[], Generator[object]]) -> bool:
        """Hand over what a dry pass does not find in the cache; whether there is anything to wait for."""
        if self._queue.refusals:
            pace = self._patience.pace
            self._patience.sleep(min(pace.full, pace.first * 4**self._queue.refusals))
        self._wanted.clear()
        self._left_out = self._later = False
        try:
            with closing(dry()) as records:
                for _ in records:
                    if self._later:
                        break
            self._patience.check()
            self._hand_over()
        finally:
            self._abandon()
        return bool(self._wanted) or self._later

    def ask(self, request: Request) -> Outcome:
        """Collect a request that is not in the cache; the outcome is a failure, true or for now."""
        asked = self._journal.find(custom_id(request.key))
        if asked is not None and asked.state == "again" and asked.tries >= MOST_TRIES:
            problem = f"{asked.problem} (batches: {asked.tries})"
            given_up = Problem.of(failure(request, "transport", problem, attempts=asked.tries)).model_dump_json()
            self._journal.settle(asked.custom_id, "failed", given_up)
            asked = asked._replace(state="failed", problem=given_up)
        if asked is not None and asked.state == "failed":
            if not self._is_final:
                return _in_a_batch(request)  # without its tokens, which would be counted in each pass
            self._failed.append(asked.custom_id)
            return self._journal.problem_of(asked).error(request.id)
        if self._is_final:
            if self._left_out:
                size = len(self._wire.content(request))
                raise self._budget.exhausted(self._budget.most(size, request.decoding.max_tokens))
            return failure(request, "transport", "no batch had this request")
        if asked is not None and asked.state == "open":
            self._wanted.add(asked.token)
            return _in_a_batch(request)
        return self._collect(request, asked.tries if asked is not None and asked.state == "again" else 0)

    def _collect(self, request: Request, tries: int) -> RequestError:
        try:
            content = self._wire.content(request)
        except UnicodeEncodeError:
            return failure(request, "rejected", NOT_TEXT)
        line = written(request, content)
        if len(line) > self._limits.bytes:
            return failure(request, "prompt_too_long", f"it has {len(line):,} bytes, more than a file of requests")
        if self._queue.is_known and not self._queue.has_room(self._waiting(), len(line)):
            self._later = True
            return _in_a_batch(request)
        asked = Asked(
            custom_id=custom_id(request.key),
            token="",
            paper=request.id,
            key=request.key,
            parts=request_parts(self.identity, request).model_dump_json(),
            bytes=len(content),
            max_tokens=request.decoding.max_tokens,
            tries=tries + 1,
        )
        if not self._budget.take(self._most(asked)):
            self._left_out = True
            return _in_a_batch(request)
        if self._spool is not None and not self._spool.has_room(len(line), self._limits):
            self._hand_over()
        if self._spool is None:
            self._spool = Spool(self._folder)
            self._journal.begin()
        self._journal.add_request(asked._replace(token=self._spool.token))
        self._spool.add(line)
        return _in_a_batch(request)

    def _abandon(self) -> None:
        if self._spool is not None:
            self._spool.close()
            remove(self._spool.path)
            self._journal.take_back_all()
            self._spool = None

    def _hand_over(self) -> None:
        """Begin a batch of what was collected."""
        spool, self._spool = self._spool, None
        if spool is None:
            return
        spool.close()
        batch = Batch(
            token=spool.token,
            endpoint=self._endpoint.url,
            mode=self._wire.rung,
            requests=spool.requests,
            bytes=spool.bytes,
            state="intended",
            since=time.time(),
        )
        self._journal.add_batch(batch)
        self._journal.commit()
        try:
            begun = self._handover.begin(batch, spool.path)
        finally:
            remove(spool.path)
        self._wanted.add(batch.token)
        _LOG.info("batch %s has %d requests (%.1f MB)", self._shown(begun), batch.requests, batch.bytes / 1e6)

    def _wait(self) -> None:
        """Wait until all that is wanted has ended, or anything has when there was no room for all."""
        pause = self._patience.pace.first
        while True:
            due = [batch for batch in self._begun() if self._later or batch.token in self._wanted]
            ended = [batch.token for batch in due if self._harvest.look_at(batch)]
            if len(ended) == len(due) or (ended and self._later):
                return
            pause = self._patience.sleep(pause)

    def _keep(self, asked: Asked, completion: Completion) -> None:
        try:
            parts = Parts.model_validate_json(asked.parts)
        except ValidationError as error:
            raise CacheError(f"{self._folder}: the journal holds a row that this program did not write") from error
        self._store.put(asked.key, Entry(parts=parts, completion=completion))

    # A run that is wholly cached needs neither key nor client.

    @cached_property
    def _api(self) -> BatchApi:
        api = BatchApi(self._endpoint, self._settings)
        self._connections.append(api)
        return api

    @cached_property
    def _handover(self) -> HandOver:
        return HandOver(self._api, self._journal, self._patience)

    @cached_property
    def _harvest(self) -> Harvest:
        return Harvest(self._api, self._journal, self._budget, self._patience, self._queue, self._keep)

    @cached_property
    def _wire(self) -> Wire:
        wire = Wire(self._settings.model, self._hosted.dialect, self._settings.extra_body)
        # What the probe took is not there for batches.
        self._budget.take(self._hosted.budget.spent + self._hosted.budget.uncertain, anyway=True)
        return wire

    def _begun(self) -> list[Batch]:
        return self._journal.begun(self._endpoint.url)

    def _waiting(self) -> int:
        """Bytes of what is under way or collected."""
        return sum(batch.bytes for batch in self._begun()) + (self._spool.bytes if self._spool else 0)

    def _most(self, asked: Asked) -> Amount:
        return self._budget.most(asked.bytes, asked.max_tokens)

    def _shown(self, words: str) -> str:
        return clean(words, self._api.key)


class _Collector:
    """The backend inside of the cache: gets what is not there."""

    def __init__(self, batched: BatchedBackend) -> None:
        self._batched = batched

    @property
    def identity(self) -> Identity:
        return self._batched.identity

    def complete(self, requests: Iterable[Request], stopping: Callable[[], bool] = never) -> Iterator[Outcome]:
        if stopping():
            return
        for request in requests:
            yield self._batched.ask(request)
            if stopping():
                return


def warn_of_batches(settings: Settings) -> None:
    """Say so when batches are under way beside a run that does not know of them and would pay once more."""
    path = settings.cache_dir / FOLDER / _JOURNAL
    if settings.backend != "hosted" or not settings.cache or not path.is_file():
        return
    try:
        with closing(Journal(path)) as journal:
            count = journal.count_open()
    except CacheError:
        return  # the run needs it for nothing else
    if count:
        advice = "with --batch a run waits for them; without it they are asked, and paid, once more where they are met"
        _LOG.warning("%d requests of this cache are in batches: %s", count, advice)


def _in_a_batch(request: Request) -> RequestError:
    return failure(request, "transport", "it is in a batch")


def _locked(folder: Path) -> IO[str]:
    """The lock of the folder, which is made if there is none."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        check_owner(folder)
        folder.chmod(0o700)
        lock = open(folder / "lock", "a+", encoding="utf-8", opener=private)  # noqa: SIM115 - held
    except OSError as error:
        raise CacheError(f"{folder}: {error.strerror}; choose another --cache-dir") from error
    try:
        portalocker.lock(lock, portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING)
    except portalocker.LockException as error:
        lock.seek(0)
        holder = lock.read(20)
        lock.close()
        advice = "wait until it has ended, or stop it and give your command then: it takes over what is under way"
        raise CacheError(f"{folder}: process {holder or 'unknown'} has the batches of this cache; {advice}") from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
