"""Answers from a server that speaks the OpenAI chat API: OpenAI itself, another vendor, or one's own machine.

Requests go out from one event loop in a thread of its own, a bounded number at a time, each with its own retries. No
other module has an event loop.
"""

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import wait
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from summarizer.backends.attempts import Attempts, End, Ending, Pacing
from summarizer.backends.budget import Budget
from summarizer.backends.endpoint import Endpoint
from summarizer.backends.limits import Limits
from summarizer.backends.pace import FIRST
from summarizer.backends.probe import Found, Probe, recall, remember
from summarizer.backends.refusals import Fruitless
from summarizer.backends.replies import ChatReply
from summarizer.backends.wire import Dialect, Wire
from summarizer.completion import Identity, Outcome, Request, never
from summarizer.errors import BudgetError, EndpointError, SettingsError, SummarizerError
from summarizer.settings import EMBEDDED, Settings

if TYPE_CHECKING:
    import openai

_LOG = logging.getLogger(__name__)

#: Requests that are given up before a server that never answered any is. More than one: a paper may break a server.
HOPELESS = 3
#: Seconds between two looks at whether the run is to stop.
STOP_CHECK = 0.2


class HostedBackend:
    """Answers by asking a server; implements `completion.Backend`."""

    def __init__(
        self,
        settings: Settings,
        pacing: Pacing | None = None,
        *,
        asks: bool = True,
        stopping: Callable[[], bool] = never,
    ) -> None:
        """Check the model and the address; `SettingsError` if they cannot be used. Nothing is sent or imported yet.

        One that does not ask (`asks`) is there to say what would be asked.
        """
        if settings.model == EMBEDDED:
            raise SettingsError("a hosted model has to be named: give --model the name that the server knows it by")
        self._settings, self._endpoint = settings, Endpoint(settings)
        price = self._endpoint.price
        if price is None and settings.max_cost is not None:
            raise SettingsError(_unknown_price(settings.model))
        self.budget = Budget(price, settings.max_cost, settings.max_total_tokens)
        limits = Limits(settings.requests_per_minute, settings.tokens_per_minute, max(FIRST, settings.concurrency))
        self._attempts = Attempts(self._endpoint, settings, pacing or Pacing(), limits, self.budget)
        self._asks, self._stopping = asks, stopping

    @property
    def identity(self) -> Identity:
        """The server, its model, and the dialect in which it is spoken to; asks the server when that is not known."""
        extra = self._settings.extra_body
        dialect = f"{self.dialect}{', with ' + json.dumps(extra, sort_keys=True) if extra else ''}"
        return Identity(backend="hosted", endpoint=self._endpoint.url, model=self._settings.model, dialect=dialect)

    @cached_property
    def dialect(self) -> Dialect:
        """What the user has set, what is remembered, or what a probe finds; `EndpointError` when that gets no answer.

        `KeyboardInterrupt` when the run is to stop meanwhile.

        A backend that may not ask takes what is remembered, however old, or what most servers understand.
        """
        settings, url = self._settings, self._endpoint.url
        usual = Dialect(limit_name=self._endpoint.limit_name)
        if settings.structured_mode != "auto":
            return usual.model_copy(update={"rung": settings.structured_mode})
        found = recall(settings.cache_dir, url, settings.model, settings.extra_body) if settings.cache else None
        if found is not None and not (found.is_stale and self._asks):
            return found.dialect
        if not self._asks:
            return usual
        try:
            # In a thread of its own: that of the caller may have a loop already, as in a notebook.
            with _event_loop() as loop:
                probing = asyncio.run_coroutine_threadsafe(self._probe(), loop)
                while not wait([probing], timeout=STOP_CHECK).done:
                    if self._stopping():
                        probing.cancel()
                        raise KeyboardInterrupt  # nothing has begun that could be finished
                dialect = probing.result()
        except SummarizerError as error:
            if found is None:
                raise
            _LOG.warning("%s; what was found on %s is used", error, f"{found.when:%Y-%m-%d}")
            return found.dialect
        if settings.cache:
            new = Found(endpoint=url, model=settings.model, dialect=dialect, when=datetime.now(UTC))
            remember(settings.cache_dir, new, settings.extra_body)
        _LOG.info("%s: answers of %s are held to their form by: %s", url, settings.model, dialect)
        return dialect

    async def _probe(self) -> Dialect:
        settings, ending = self._settings, Ending()
        async with self._endpoint.connect() as client:

            async def send(content: bytes, longest: int) -> ChatReply:
                return await self._attempts.probe(client, content, longest, ending)

            drawing = {"temperature": settings.temperature, "seed": settings.seed}
            probe = Probe(settings.model, drawing, settings.extra_body, self._endpoint.limit_name, send)
            return await self._attempts.translated(probe.dialect(), client.api_key)

    def check_key(self) -> None:
        """Raise `EndpointError` when the address needs a key and the environment has none that can be sent."""
        self._endpoint.read_key()

    def complete(self, requests: Iterable[Request], stopping: Callable[[], bool] = never) -> Iterator[Outcome]:
        """Keep `concurrency` requests in flight and yield outcomes as they arrive.

        When the server refuses what all requests share, when `HOPELESS` requests were given up and none was ever
        answered, or when the budget has no room for another one, nothing new is begun, the answers under way are
        yielded, and then an `EndpointError` or `BudgetError` is raised. Requests that were given up, or wait for
        another attempt, have no outcome then, so that the next run asks them again. Neither have those that wait when
        `stopping()` becomes true: in an outage a stop would take minutes. When the requests raise a `SummarizerError`,
        the answers under way are yielded first. Whoever closes the iterator loses those, at most `concurrency` of them.
        """
        source = iter(requests)
        first = None if stopping() else next(source, None)
        if first is None:
            return  # A run that is wholly cached needs neither key nor client.
        flight = _Flight(self._endpoint, self._attempts, self._wire(), self._settings.concurrency)
        troubles = _Troubles(self._attempts)
        with closing(flight.ends(chain((first,), source), stopping)) as ends:
            for end in ends:
                if isinstance(end, EndpointError | BudgetError | Fruitless):
                    # A stop cuts attempts short, and says nothing about the server.
                    troubles.add(end, stopped=stopping())
                elif end is not None:
                    yield end
                if troubles.refusals:
                    flight.end()
                elif not flight.ending:
                    yield from troubles.settled()
        self.budget.tell()
        if troubles.refusals:
            raise troubles.refusals[0]
        if not stopping():
            yield from (one.failure for one in troubles.fruitless)

    def _wire(self) -> Wire:
        return Wire(self._settings.model, self.dialect, self._settings.extra_body)


class _Troubles:
    """What ended without an answer, until it is known whether that is about the papers or about the server."""

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts
        self.refusals, self.fruitless = list[EndpointError | BudgetError](), list[Fruitless]()

    def add(self, end: EndpointError | BudgetError | Fruitless, *, stopped: bool) -> None:
        if isinstance(end, Fruitless):
            self.fruitless.append(end)
        else:
            self.refusals.append(end)
        if len(self.fruitless) >= HOPELESS and not self._attempts.answered and not stopped:
            self.refusals.append(_hopeless(self.fruitless))

    def settled(self) -> Iterator[Outcome]:
        """Failures that are those of their papers, since others were answered."""
        if self._attempts.answered:
            yield from (one.failure for one in self.fruitless)
            self.fruitless.clear()


class _Flight:
    """The requests under way: sent from an event loop in another thread, pulled and yielded in this one."""

    def __init__(self, endpoint: Endpoint, attempts: Attempts, wire: Wire, slots: int) -> None:
        self._endpoint, self._attempts, self._wire, self._slots = endpoint, attempts, wire, slots
        self._came: SimpleQueue[End | _Defect] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending = Ending()
        self.ending = False
        """Whether nothing new is begun."""

    def end(self) -> None:
        """Begin nothing new, and cut short what waits."""
        self.ending = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._ending.set)

    def ends(self, requests: Iterator[Request], stopping: Callable[[], bool]) -> Generator[End]:
        """How each request ended, as they end; after `end()` nothing new is begun."""
        running, broken = 0, None
        with _event_loop() as loop:
            self._loop = loop
            client = self._endpoint.connect()
            waiting: asyncio.Queue[Request] = asyncio.Queue()
            workers = asyncio.run_coroutine_threadsafe(self._start(client, waiting), loop).result()
            try:
                while True:
                    while running < self._slots and not (self.ending or stopping()):
                        try:
                            request = next(requests, None)
                        except SummarizerError as error:
                            # What is under way may be paid for: it is answered first.
                            broken = error
                            self.end()
                            break
                        if request is None:
                            break
                        running += 1
                        loop.call_soon_threadsafe(waiting.put_nowait, request)
                    if not running:
                        break
                    if stopping() and not self.ending:
                        self.end()
                    with suppress(Empty):
                        end = self._came.get(timeout=STOP_CHECK)
                        running -= 1
                        if isinstance(end, _Defect):
                            raise end.error
                        yield end
                if broken is not None:
                    raise broken
            finally:
                # Whoever leaves early sits out neither the waits between attempts nor what is under way.
                asyncio.run_coroutine_threadsafe(_leave(client, workers), loop).result()

    async def _start(
        self, client: "openai.AsyncOpenAI", waiting: "asyncio.Queue[Request]"
    ) -> list["asyncio.Task[None]"]:
        return [asyncio.create_task(self._work(client, waiting)) for _ in range(self._slots)]

    async def _work(self, client: "openai.AsyncOpenAI", waiting: "asyncio.Queue[Request]") -> None:
        # A worker for each slot and not a task for each request: a run may have a million.
        while True:
            request = await waiting.get()
            try:
                end: End | _Defect = await self._attempts.ask(client, self._wire, request, self._ending)
            except Exception as error:  # noqa: BLE001 - raised in the other thread
                end = _Defect(error)
            except BaseException as error:
                # Whoever waits for this request would wait for ever.
                self._came.put(_Defect(error))
                raise
            self._came.put(end)


class _Defect:
    """An error of ours that belongs to the other thread."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


async def _leave(client: "openai.AsyncOpenAI", workers: list["asyncio.Task[None]"]) -> None:
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    await client.close()


async def _end_tasks() -> None:
    """End what still runs, such as a probe that nobody waits for any more."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def _event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    # A daemon, so that a defect ends the program and does not hang it.
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        asyncio.run_coroutine_threadsafe(_end_tasks(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _unknown_price(model: str) -> str:
    return (
        f"--max-cost: the price of {model!r} is not known here, so no limit can be kept: give it in summarizer.toml as "
        f'[prices."{model}"] with input and output in US dollars for a million tokens, or use --max-total-tokens'
    )


def _hopeless(fruitless: list[Fruitless]) -> EndpointError:
    last, count = fruitless[-1], len(fruitless)
    match last.failure.kind:
        case "empty":
            summary = f"none of {count} requests got a word so far"
            advice = "a filter of the server may stop the prompt: try another prompt or model"
        case "prompt_too_long":
            summary = f"no request was answered so far, and {count} were refused"
            advice = "use a smaller --max-tokens, or a model with a larger context"
        case _:
            summary = f"no request was answered so far, and {count} were given up"
            advice = "check the address, and that the server runs"
    return EndpointError(f"{last.problem}; {summary}: {advice}; the same command then goes on from here")
