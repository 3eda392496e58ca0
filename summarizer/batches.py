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
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import IO, Self

import portalocker
from pydantic import Field, ValidationError

from summarizer.backends.batch_api import About, BatchApi, PassingError, remove
from summarizer.backends.batch_lines import Again, Line, Reader, custom_id, read_lines, written
from summarizer.backends.budget import Amount, Budget
from summarizer.backends.endpoint import Endpoint
from summarizer.backends.hosted import HostedBackend
from summarizer.backends.journal import Asked, Batch, Journal, Problem
from summarizer.backends.refusals import NOT_TEXT
from summarizer.backends.replies import clean, failure
from summarizer.backends.wire import Wire
from summarizer.cache import CachedBackend, Entry, Store, check_owner
from summarizer.completion import Completion, Identity, Outcome, Request, never
from summarizer.errors import CacheError, EndpointError, RequestError, SettingsError
from summarizer.keys import Parts, request_parts
from summarizer.prices import price_of
from summarizer.records import Frozen
from summarizer.settings import Settings

_LOG = logging.getLogger(__name__)

#: Where the journal and the files are inside the cache folder.
FOLDER = "batches"
#: Batches that a request is in at most, before it fails.
MOST_TRIES = 3
#: Seconds between two looks at whether the run is to stop.
_STOP_CHECK = 0.2
#: Answers of a batch between two commits of the journal.
_CHUNK = 500
#: Times that a batch is tried to begin.
_ATTEMPTS = 10
_TOKEN_LIMIT = "token_limit_exceeded"  # noqa: S105 - a code, not a secret


class Pace(Frozen):
    """How long to wait, in seconds."""

    first: float = Field(default=1.0, gt=0.0)
    """Between two looks at batches: at first, then half as much again each time, up to `longest`."""
    longest: float = Field(default=60.0, gt=0.0)
    settled: float = Field(default=15.0, ge=0.0)
    """After which a batch whose beginning was cut short is in the server's list, or will never be."""
    full: float = Field(default=300.0, gt=0.0)
    """Before something is handed over again to a server whose queue is full of other things."""


class FileLimits(Frozen):
    """What one file of requests may hold."""

    requests: int = Field(default=50_000, ge=1)
    bytes: int = Field(default=199_000_000, ge=1)
    """Below the 200 MB of OpenAI."""


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
        check_batch(settings)
        self._settings, self._stopping = settings, stopping
        self._pace, self._limits = pace or Pace(), limits or FileLimits()
        self._hosted, self._endpoint = HostedBackend(settings), Endpoint(settings)
        self._price = price_of(settings.model, self._endpoint.url, settings.prices)
        self._budget = Budget(self._price, settings.max_cost, settings.max_total_tokens, batch=True)
        self._store = Store(settings.cache_dir)
        self._folder = settings.cache_dir / FOLDER
        self._lock = _locked(self._folder)
        self._journal = Journal(self._folder / "journal.sqlite")
        self._cached = CachedBackend(_Collector(self), self._store)
        self._collection: _Collection | None = None
        self._api: BatchApi | None = None
        self._wanted: set[str] = set()
        """Tokens of the batches that hold what this run needs."""
        self._left_out = self._later = self._is_final = False
        self._queue = _Queue()
        self._answers = 0
        self._told_failures: list[str] = []
        self._reports: dict[str, str] = {}
        self._trouble = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._api is not None:
            self._api.close()
        self._journal.close()
        self._lock.close()

    @property
    def identity(self) -> Identity:
        """That of the server."""
        return self._hosted.identity

    def complete(self, requests: Iterable[Request], stopping: Callable[[], bool] = never) -> Iterator[Outcome]:
        """See `completion.Backend`; an answer that came in a batch is `cached` only from the second time on."""
        fresh: set[str] = set()

        def noted() -> Iterator[Request]:
            for request in requests:
                if self._is_final and self._is_fresh(request):
                    fresh.add(request.id)
                yield request

        for outcome in self._cached.complete(noted(), stopping):
            if isinstance(outcome, Completion) and outcome.request_id in fresh:
                fresh.remove(outcome.request_id)
                yield outcome.model_copy(update={"cached": False})
            else:
                yield outcome

    def _is_fresh(self, request: Request) -> bool:
        asked = self._journal.find(custom_id(request.key))
        if asked is None or asked.state != "answered":
            return False
        self._journal.forget(asked.custom_id)
        return True

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
        except _StoppedError:
            return False
        if self._answers:
            spent = self._budget.spent
            cost = f", ${spent.usd:.4f}" if self._price else ""
            _LOG.info("batches brought %d answers: %s tokens%s", self._answers, f"{spent.tokens:,.0f}", cost)
        self._is_final = True
        self._journal.begin()
        return True

    def finish(self) -> None:
        """Forget what was answered and what failed: it is in the output now."""
        for known in self._told_failures:
            self._journal.forget(known)
        self._journal.forget_answered()
        self._journal.commit()

    # What earlier runs left.

    def _take_over(self) -> None:
        for path in (*self._folder.glob("*.jsonl"), *self._folder.glob("*.part")):
            remove(path)
        for batch in self._journal.batches(self._endpoint.url):
            if batch.state != "created":
                self._find_out(batch)
        for batch in self._begun():
            for asked in self._journal.open_requests(batch.token):
                self._budget.take(self._most(asked), anyway=True)
        for batch in self._begun():
            # Also those that this run does not want: they are paid for.
            self._look_at(batch)

    def _find_out(self, batch: Batch) -> None:
        """Whether a batch whose run was killed has begun."""
        found = self._search(batch) if batch.state == "uploaded" else None
        if found is not None:
            self._journal.created(batch.token, found.id)
            _LOG.info("batch %s had begun when its run ended; it is taken over", self._shown(found.id))
            return
        self._connected.delete_named(_name(batch.token))
        self._journal.take_back(batch.token, "its run ended before it began")

    def _search(self, batch: Batch) -> About | None:
        pause, until = self._pace.first, batch.since + self._pace.settled
        while True:
            try:
                found = self._connected.find(batch.token, batch.file_id, batch.since)
            except PassingError as error:
                self._tell(error)
            else:
                # A clock that was set back makes no wait longer.
                until = min(until, time.time() + self._pace.settled)
                if found is not None or time.time() >= until:
                    return found
            pause = self._sleep(pause)

    # Collecting and handing over.

    def _collects(self, dry: Callable[[], Generator[object]]) -> bool:
        """Hand over what a dry pass does not find in the cache; whether there is anything to wait for."""
        self._wanted.clear()
        self._left_out = self._later = False
        try:
            with closing(dry()) as records:
                for _ in records:
                    if self._later:
                        break
            self._check_stop()
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
            if self._is_final:
                self._told_failures.append(asked.custom_id)
            return self._journal.problem_of(asked).error(request.id)
        if self._is_final:
            if self._left_out:
                raise self._budget.exhausted()
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
        if self._queue.is_known and not self._queue.has_room(self._queued(), len(line)):
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
        if self._collection is not None and not self._collection.has_room(len(line), self._limits):
            self._hand_over()
        if self._collection is None:
            self._collection = _Collection(self._folder)
            self._journal.begin()
        self._journal.add_request(asked._replace(token=self._collection.token))
        self._collection.add(line)
        return _in_a_batch(request)

    def _abandon(self) -> None:
        if self._collection is not None:
            self._collection.close()
            remove(self._collection.path)
            self._journal.take_back_all()
            self._collection = None

    def _hand_over(self) -> None:
        """Begin a batch of what was collected."""
        collection, self._collection = self._collection, None
        if collection is None:
            return
        collection.close()
        batch = Batch(
            token=collection.token,
            endpoint=self._endpoint.url,
            mode=self._wire.rung,
            requests=collection.requests,
            bytes=collection.bytes,
            state="intended",
            since=time.time(),
        )
        self._journal.add_batch(batch)
        self._journal.commit()
        begun = self._begin(batch, collection.path)
        remove(collection.path)
        self._wanted.add(batch.token)
        _LOG.info("batch %s has %d requests (%.1f MB)", self._shown(begun.id), batch.requests, batch.bytes / 1e6)

    def _begin(self, batch: Batch, path: Path) -> About:
        pause = self._pace.first
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                file_id = self._connected.upload(path, _name(batch.token))
                self._journal.uploaded(batch.token, file_id)
                about = self._create(batch, file_id)
            except PassingError as error:
                self._connected.delete_named(_name(batch.token))
                if attempt == _ATTEMPTS:
                    self._take_back(batch, str(error))
                    raise EndpointError(f"{error}; nothing was begun: the same command tries it again") from None
                self._tell(error)
                pause = self._sleep(pause)
            except EndpointError as error:
                self._connected.delete_named(_name(batch.token))
                self._take_back(batch, str(error))
                raise
            else:
                self._journal.created(batch.token, about.id)
                return about
        raise AssertionError

    def _create(self, batch: Batch, file_id: str) -> About:
        """Begin a batch, once; `PassingError` when it certainly has not begun."""
        try:
            return self._connected.create(file_id, batch.token)
        except PassingError as error:
            self._tell(error)
            # It may have begun all the same.
            found = self._search(batch._replace(file_id=file_id, since=time.time()))
            if found is None:
                raise
            return found

    def _take_back(self, batch: Batch, problem: str) -> None:
        for asked in self._journal.open_requests(batch.token):
            self._budget.free(self._most(asked))
        self._journal.take_back(batch.token, problem)

    # Waiting and harvesting.

    def _wait(self) -> None:
        """Wait until all that is wanted has ended, or something has when there was no room for all."""
        if self._later and not self._wanted:
            self._sleep(min(self._pace.full, self._pace.first * 4**self._queue.refusals))
            return
        pause = self._pace.first
        while True:
            ended = {batch.token for batch in self._begun() if batch.token in self._wanted and self._look_at(batch)}
            self._wanted -= ended
            if not self._wanted or (ended and self._later):
                return
            pause = self._sleep(pause)

    def _look_at(self, batch: Batch) -> bool:
        """Whether the batch has ended, and is harvested."""
        try:
            about = self._connected.retrieve(batch.batch_id or "")
            self._report(batch, about)
            if not about.has_ended:
                return False
            if about.status == "failed":
                self._refuse(batch, about)
            else:
                self._harvest(batch, about)
        except PassingError as error:
            self._tell(error)
            return False
        return True

    def _refuse(self, batch: Batch, about: About) -> None:
        """Take back a batch that the server did not begin to work on."""
        troubles = (about.errors.data if about.errors else None) or []
        said = "; ".join(f"{one.message} ({one.code})" for one in troubles[:3]) or "without a reason"
        problem = f"{self._endpoint.url}: batch {about.id} was not worked on: {said}"
        problem = clean(problem, self._connected.key)
        self._take_back(batch, problem)
        self._delete_input(batch)
        if not any(one.code == _TOKEN_LIMIT for one in troubles):
            raise EndpointError(f"{problem}; nothing of it is billed: mend it, then give the same command")
        self._queue.refused(batch.bytes, self._queued())
        self._later = True
        _LOG.warning("%s; less is handed over at once from now on", problem)

    def _harvest(self, batch: Batch, about: About) -> None:
        paths = [self._folder / f"{batch.token}.{name}.part" for name in ("output", "errors")]
        for path, file_id in zip(paths, (about.output_file_id, about.error_file_id), strict=True):
            remove(path)
            if file_id:
                path.touch(mode=0o600)
                self._connected.download(file_id, path)
        reading = _Reading()
        for path in paths:
            if path.exists():
                self._read(path, batch, reading)
        for asked in self._journal.open_requests(batch.token):
            self._budget.free(self._most(asked))
        self._journal.end(batch.token, f"the batch was {self._shown(about.status)}")
        self._queue.accepted()
        for path in paths:
            remove(path)
        self._delete_input(batch)
        if reading.odd:
            _LOG.warning("batch %s: ignored %d lines that nobody waits for", self._shown(about.id), reading.odd)
        if left := self._journal.count(batch.token, "again"):
            message = "batch %s was %s with %d requests that may be answered another time"
            _LOG.warning(message, self._shown(about.id), about.status, left)
        if reading.refusal is not None:
            raise reading.refusal

    def _read(self, path: Path, batch: Batch, reading: "_Reading") -> None:
        """Take over the lines of a file; a kill in between harms nothing, and they are read again."""
        reader = Reader(self._endpoint.url, self._connected.key, self._settings)
        for lines in _chunks(read_lines(path)):
            with self._journal.together():
                for line in lines:
                    asked = self._journal.find(line.custom_id) if line is not None else None
                    if line is None or asked is None or asked.token != batch.token or line.custom_id in reading.seen:
                        reading.odd += 1
                        continue
                    reading.seen.add(line.custom_id)
                    reading.answered = reading.answered or asked.state == "answered"
                    if asked.state == "open":
                        self._settle(reader, line, asked, batch, reading)

    def _settle(self, reader: Reader, line: Line, asked: Asked, batch: Batch, reading: "_Reading") -> None:
        tokens, cost = reader.tokens(line), None
        if tokens is None:
            self._budget.free(self._most(asked))
        elif tokens.prompt + tokens.completion:
            cost = self._budget.bill(self._most(asked), tokens)
        else:
            self._budget.keep(self._most(asked))
        meaning = reader.meaning(line, asked, batch.mode, cost=cost, answered=reading.answered)
        match meaning:
            case Completion():
                self._keep(asked, meaning)
                self._journal.settle(asked.custom_id, "answered")
                self._answers += 1
                reading.answered = True
            case RequestError():
                meaning.attempts = asked.tries
                self._journal.settle(asked.custom_id, "failed", Problem.of(meaning).model_dump_json())
            case Again():
                self._journal.settle(asked.custom_id, "again", meaning.reason)
            case EndpointError():
                self._journal.settle(asked.custom_id, "again", str(meaning))
                reading.refusal = reading.refusal or meaning

    def _keep(self, asked: Asked, completion: Completion) -> None:
        try:
            parts = Parts.model_validate_json(asked.parts)
        except ValidationError as error:
            raise CacheError(f"{self._folder}: the journal holds a row that this program did not write") from error
        self._store.put(asked.key, Entry(parts=parts, completion=completion))

    # Small things.

    @property
    def _connected(self) -> BatchApi:
        # A run that is wholly cached needs neither key nor client.
        if self._api is None:
            self._api = BatchApi(self._endpoint, self._settings)
        return self._api

    @cached_property
    def _wire(self) -> Wire:
        return Wire(self._settings.model, self._hosted.dialect, self._settings.extra_body)

    def _begun(self) -> list[Batch]:
        return [batch for batch in self._journal.batches(self._endpoint.url) if batch.state == "created"]

    def _queued(self) -> int:
        """Bytes of what is under way or collected."""
        collected = self._collection.bytes if self._collection else 0
        return collected + sum(batch.bytes for batch in self._begun())

    def _most(self, asked: Asked) -> Amount:
        return self._budget.most(asked.bytes, asked.max_tokens)

    def _delete_input(self, batch: Batch) -> None:
        if batch.file_id:
            self._connected.delete(batch.file_id)

    def _report(self, batch: Batch, about: About) -> None:
        if self._reports.get(batch.token) != about.progress:
            self._reports[batch.token] = about.progress
            _LOG.info("batch %s: %s", self._shown(about.id), self._shown(about.progress))

    def _tell(self, error: PassingError) -> None:
        if self._trouble != str(error):
            self._trouble = str(error)
            _LOG.warning("%s; trying again (this is said once)", error)

    def _shown(self, words: str) -> str:
        return clean(words, self._connected.key)

    def _sleep(self, seconds: float) -> float:
        """Sleep, or raise `_StoppedError`; returns how long to sleep the next time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._check_stop()
            time.sleep(min(left, _STOP_CHECK))
        self._check_stop()
        return min(seconds * 1.5, self._pace.longest)

    def _check_stop(self) -> None:
        if self._stopping():
            raise _StoppedError


class _StoppedError(Exception):
    """The run is to stop."""


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


class _Collection:
    """A file of requests that is being written."""

    def __init__(self, folder: Path) -> None:
        self.token = token_hex(16)
        self.path = folder / _name(self.token)
        self.requests = self.bytes = 0
        self._file = open(self.path, "wb", opener=_private)  # noqa: SIM115 - closed by `close`

    def has_room(self, size: int, limits: FileLimits) -> bool:
        return self.requests < limits.requests and self.bytes + size <= limits.bytes

    def add(self, line: bytes) -> None:
        try:
            self._file.write(line)
        except OSError as error:
            raise CacheError(f"{self.path}: {error.strerror}; free space, or choose another --cache-dir") from error
        self.requests += 1
        self.bytes += len(line)

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            raise CacheError(f"{self.path}: {error.strerror}; free space, or choose another --cache-dir") from error


class _Queue:
    """How much a server lets wait, which it only says by refusing."""

    def __init__(self) -> None:
        self._most: int | None = None  # bytes
        self.refusals = 0

    @property
    def is_known(self) -> bool:
        return self._most is not None

    def has_room(self, waiting: int, size: int) -> bool:
        return self._most is None or not waiting or waiting + size <= self._most

    def refused(self, size: int, others: int) -> None:
        """Learn that a file of this size was too much beside the others."""
        self._most, self.refusals = others or size // 2, self.refusals + 1

    def accepted(self) -> None:
        self.refusals = 0


@dataclass
class _Reading:
    """What came of the lines of a batch so far."""

    answered: bool = False
    odd: int = 0
    refusal: EndpointError | None = None
    seen: set[str] = field(default_factory=set)


def check_batch(settings: Settings) -> None:
    """`SettingsError` when the settings leave no way by a Batch API."""
    if settings.backend != "hosted":
        raise SettingsError("--batch: only hosted models are asked in batches: give --backend hosted and --model")
    if not settings.cache:
        raise SettingsError("--batch: the cache is where the answers go that were paid for: run without --no-cache")


def warn_of_batches(settings: Settings) -> None:
    """Say so when batches are under way beside a run that does not know of them and would pay once more."""
    path = settings.cache_dir / FOLDER / "journal.sqlite"
    if settings.backend != "hosted" or not settings.cache or not path.is_file():
        return
    with closing(Journal(path)) as journal:
        count = journal.count_open()
    if count:
        advice = "with --batch a run waits for them; without it they are asked, and paid, once more where they are met"
        _LOG.warning("%d requests of this cache are in batches: %s", count, advice)


def _chunks(lines: Iterator[Line | None]) -> Iterator[list[Line | None]]:
    while chunk := list(islice(lines, _CHUNK)):
        yield chunk


def _in_a_batch(request: Request) -> RequestError:
    return failure(request, "transport", "it is in a batch")


def _name(token: str) -> str:
    return f"summarizer-{token}.jsonl"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _locked(folder: Path) -> IO[str]:
    """The lock of the folder, which is made if there is none."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        check_owner(folder)
        folder.chmod(0o700)
        lock = open(folder / "lock", "a+", encoding="utf-8", opener=_private)  # noqa: SIM115 - held
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
