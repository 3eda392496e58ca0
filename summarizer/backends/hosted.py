"""Answers from a server that speaks the OpenAI chat API: OpenAI itself, another vendor, or one's own machine.

Requests go out from threads, a bounded number at a time, each with its own retries.
"""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from itertools import chain

from summarizer.backends.attempts import Attempts, End, Pacing
from summarizer.backends.endpoint import Endpoint
from summarizer.backends.refusals import Fruitless
from summarizer.completion import Identity, Outcome, Request, never
from summarizer.errors import EndpointError, SettingsError, SummarizerError
from summarizer.settings import EMBEDDED, Settings

#: Requests that are given up before a server that never answered any is. More than one: a paper may break a server.
HOPELESS = 3
#: Seconds between two looks at whether the run is to stop.
STOP_CHECK = 0.2


class HostedBackend:
    """Answers by asking a server; implements `completion.Backend`."""

    def __init__(self, settings: Settings, pacing: Pacing | None = None) -> None:
        """Check the model and the address; `SettingsError` if they cannot be used. Nothing is sent or imported yet."""
        if settings.model == EMBEDDED:
            raise SettingsError("a hosted model has to be named: give --model the name that the server knows it by")
        self._settings, self._endpoint = settings, Endpoint(settings)
        self._attempts = Attempts(self._endpoint, settings, pacing or Pacing())

    @property
    def identity(self) -> Identity:
        """The server and its model; known without asking."""
        return Identity(backend="hosted", endpoint=self._endpoint.url, model=self._settings.model)

    def check_key(self) -> None:
        """Raise `EndpointError` when the address needs a key and the environment has none that can be sent."""
        self._endpoint.read_key()

    def complete(self, requests: Iterable[Request], stopping: Callable[[], bool] = never) -> Iterator[Outcome]:
        """Keep `concurrency` requests in flight and yield outcomes as they arrive.

        When the server refuses what all requests share, or when `HOPELESS` requests were given up and none was ever
        answered, nothing new is begun, the answers under way are yielded, and then an `EndpointError` is raised.
        Requests that were given up, or wait for another attempt, have no outcome then, so that the next run asks them
        again. Neither have those that wait when `stopping()` becomes true: in an outage a stop would take minutes.
        When the requests raise a `SummarizerError`, the answers under way are yielded first. Whoever closes the
        iterator loses those, at most `concurrency` of them.
        """
        source = iter(requests)
        first = None if stopping() else next(source, None)
        if first is None:
            return  # A run that is wholly cached needs neither key nor client.
        ending, refusals, fruitless = threading.Event(), list[EndpointError](), list[Fruitless]()
        with closing(self._in_flight(chain((first,), source), stopping, ending)) as ends:
            for end in ends:
                if isinstance(end, EndpointError):
                    refusals.append(end)
                elif isinstance(end, Fruitless):
                    fruitless.append(end)
                else:
                    yield end
                # A stop cuts attempts short, and says nothing about the server.
                if len(fruitless) >= HOPELESS and not self._attempts.answered and not stopping():
                    refusals.append(_hopeless(fruitless))
                if refusals:
                    ending.set()
                elif self._attempts.answered and not ending.is_set():
                    yield from (one.failure for one in fruitless)
                    fruitless.clear()
        if refusals:
            raise refusals[0]
        if not stopping():
            yield from (one.failure for one in fruitless)

    def _in_flight(
        self, requests: Iterator[Request], stopping: Callable[[], bool], ending: threading.Event
    ) -> Generator[End]:
        """How each request ended, as they end; when `ending` is set, here or by the caller, nothing new is begun."""
        running, slots = set[Future[End]](), self._settings.concurrency
        broken: SummarizerError | None = None
        with self._endpoint.connect() as client, ThreadPoolExecutor(slots) as pool:
            try:
                while True:
                    while len(running) < slots and not (ending.is_set() or stopping()):
                        try:
                            request = next(requests, None)
                        except SummarizerError as error:
                            # What is under way may be paid for: it is answered first.
                            broken = error
                            ending.set()
                            break
                        if request is None:
                            break
                        running.add(pool.submit(self._attempts.ask, client, request, ending))
                    if not running:
                        break
                    done, running = wait(running, timeout=STOP_CHECK, return_when=FIRST_COMPLETED)
                    if stopping():
                        ending.set()
                    yield from [future.result() for future in done]
                if broken is not None:
                    raise broken
            finally:
                ending.set()  # Whoever leaves early does not sit out the waits between attempts.


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
