"""Answers from a server that speaks the OpenAI chat API: OpenAI itself, another vendor, or one's own machine.

Requests go out from threads, a bounded number at a time, each with its own retries. This module is the only one that
reads the key, and the key goes nowhere but into the Authorization header of requests to `base_url`: redirects are not
followed, and what a server says is cleared of the key before it becomes a message.
"""

import ipaddress
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, ValidationError
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_when_event_set,
    wait_random_exponential,
)
from tenacity.nap import sleep_using_event

from summarizer.backends.replies import (
    ChatReply,
    clean,
    failure,
    is_out_of_quota,
    may_pass,
    outcome,
    retry_after,
    words_of,
)
from summarizer.completion import Identity, Json, Outcome, Request, never
from summarizer.errors import EndpointError, RequestError, SettingsError
from summarizer.records import Frozen
from summarizer.settings import EMBEDDED, Settings

if TYPE_CHECKING:
    import openai

_LOG = logging.getLogger(__name__)

OPENAI_URL = "https://api.openai.com/v1"
#: What the client sends in place of a key to a server on this machine.
NO_KEY = "no-key-is-set"
LENGTH_KEYWORDS = frozenset({"minLength", "maxLength", "minItems", "maxItems"})
#: Codes of a 400 that is about a parameter that all requests share, not about this one.
SHARED_CODES = frozenset({"unsupported_parameter", "unsupported_value", "model_not_found"})
#: Codes of a 400 that have a name of their own here.
REJECTED_KINDS = {"context_length_exceeded": "prompt_too_long", "content_filter": "refused"}
#: Requests that are given up before a server that never answered any is. More than one: a paper may break a server.
HOPELESS = 3
#: Seconds between two looks at whether the run is to stop.
STOP_CHECK = 0.2


class Pacing(Frozen):
    """How often one request is tried, and how long to wait in between, in seconds.

    A wait that the server asks for is kept, up to `longest_wait`. Without one it is drawn at random below a limit that
    starts at `first_wait` and doubles each time.
    """

    attempts: int = Field(default=6, ge=1)
    first_wait: float = Field(default=2.0, gt=0.0)
    longest_wait: float = Field(default=60.0, gt=0.0)


class _Fruitless(NamedTuple):
    """A request that got no answer: a failure of its own where others are answered, of the server where none is."""

    failure: RequestError
    problem: str


_End = Outcome | EndpointError | _Fruitless


class HostedBackend:
    """Answers by asking a server; implements `completion.Backend`."""

    def __init__(self, settings: Settings, pacing: Pacing | None = None) -> None:
        """Check the model and the address; `SettingsError` if they cannot be used. Nothing is sent or imported yet."""
        if settings.model == EMBEDDED:
            raise SettingsError("a hosted model has to be named: give --model the name that the server knows it by")
        self._settings, self._pacing = settings, pacing or Pacing()
        self._endpoint = (settings.base_url or OPENAI_URL).rstrip("/")
        self._address = _check_address(self._endpoint)
        self._backoff = wait_random_exponential(
            multiplier=self._pacing.first_wait, min=self._pacing.first_wait / 2, max=self._pacing.longest_wait
        )
        self._answered = False
        """Whether the server ever answered: what follows is then about one request and not about the address."""
        self._silence = threading.Lock()
        """Taken by the first failure, which is told, and never given back."""

    @property
    def identity(self) -> Identity:
        """The server and its model; known without asking."""
        return Identity(backend="hosted", endpoint=self._endpoint, model=self._settings.model)

    def check_key(self) -> None:
        """Raise `EndpointError` when the address needs a key and the environment has none that can be sent."""
        self._read_key()

    def complete(self, requests: Iterable[Request], stopping: Callable[[], bool] = never) -> Iterator[Outcome]:
        """Keep `concurrency` requests in flight and yield outcomes as they arrive.

        When the server refuses what all requests share, or when `HOPELESS` requests were given up and none was ever
        answered, nothing new is begun, the answers under way are yielded, and then an `EndpointError` is raised.
        Requests that were given up, or wait for another attempt, have no outcome then, so that the next run asks them
        again. Neither have those that wait when `stopping()` becomes true: in an outage a stop would take minutes.
        When the requests themselves fail, the answers under way are yielded first. Whoever closes the iterator loses
        those, at most `concurrency` of them.
        """
        source = iter(requests)
        first = None if stopping() else next(source, None)
        if first is None:
            return  # A run that is wholly cached needs neither key nor client.
        ending, refusals, fruitless = threading.Event(), list[EndpointError](), list[_Fruitless]()
        with closing(self._in_flight(chain((first,), source), stopping, ending)) as ends:
            for end in ends:
                if isinstance(end, EndpointError):
                    refusals.append(end)
                elif isinstance(end, _Fruitless):
                    fruitless.append(end)
                else:
                    yield end
                # A stop cuts attempts short, and says nothing about the server.
                if len(fruitless) >= HOPELESS and not self._answered and not stopping():
                    refusals.append(self._hopeless(fruitless))
                if refusals:
                    ending.set()
                elif self._answered and not ending.is_set():
                    yield from (one.failure for one in fruitless)
                    fruitless.clear()
        if refusals:
            raise refusals[0]
        if not stopping():
            yield from (one.failure for one in fruitless)

    def _in_flight(
        self, requests: Iterator[Request], stopping: Callable[[], bool], ending: threading.Event
    ) -> Generator[_End]:
        """How each request ended, as they end; when `ending` is set, here or by the caller, nothing new is begun."""
        running, slots = set[Future[_End]](), self._settings.concurrency
        broken: Exception | None = None
        with self._connect() as client, ThreadPoolExecutor(slots) as pool:
            try:
                while True:
                    while len(running) < slots and not (ending.is_set() or stopping()):
                        try:
                            request = next(requests, None)
                        except Exception as error:  # noqa: BLE001 - raised again below
                            # What is under way may be paid for: it is answered first.
                            broken = error
                            ending.set()
                            break
                        if request is None:
                            break
                        running.add(pool.submit(self._answer, client, request, ending))
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

    def _hopeless(self, fruitless: list[_Fruitless]) -> EndpointError:
        return EndpointError(
            f"{fruitless[-1].problem}; no request was answered so far, and {len(fruitless)} were given up: check the "
            "address, and that the server runs; the same command then goes on from here"
        )

    def _read_key(self) -> str | None:
        name = self._settings.api_key_env
        key = os.environ.get(name, "").strip()
        if not key:
            if _is_loopback(self._address):
                return None
            raise EndpointError(
                f"{self._endpoint} needs a key and the environment variable {name} is not set: set it to the key, or "
                f"name another variable with the setting 'api_key_env'"
            )
        if not (key.isascii() and key.isprintable()):
            raise EndpointError(f"the environment variable {name} holds characters that no key has: copy the key again")
        return key

    def _connect(self) -> "openai.OpenAI":
        key = self._read_key()
        import httpx2  # noqa: PLC0415 - with openai two seconds of import, for runs that do send something
        import openai  # noqa: PLC0415

        from summarizer.backends.bodies import bound_errors  # noqa: PLC0415

        slots = self._settings.concurrency
        return openai.OpenAI(
            api_key=key or NO_KEY,
            base_url=self._endpoint,
            timeout=self._settings.timeout,
            max_retries=0,  # tenacity owns the retries
            http_client=openai.DefaultHttpxClient(
                event_hooks=bound_errors(self._settings.timeout),
                # httpx2 would drop the key on the way to another host, but still send the abstract there.
                follow_redirects=False,
                limits=httpx2.Limits(max_connections=slots, max_keepalive_connections=slots),
                # A proxy of the environment leads away from this machine.
                trust_env=not _is_loopback(self._address),
            ),
        )

    def _answer(self, client: "openai.OpenAI", request: Request, ending: threading.Event) -> _End:
        import openai  # noqa: PLC0415

        retrying = Retrying(
            retry=retry_if_exception(may_pass),
            wait=self._wait,
            stop=stop_after_attempt(self._pacing.attempts) | stop_when_event_set(ending),
            sleep=sleep_using_event(ending),
            before_sleep=lambda state: self._tell(state, client.api_key),
            reraise=True,
        )
        try:
            reply, seconds = retrying(self._attempt, client, request)
        except openai.APIError as error:
            return self._failed(error, request, client.api_key, retrying.statistics["attempt_number"])
        except UnicodeEncodeError:
            return failure(
                request, "rejected", "the abstract or title holds half of a surrogate pair, which is no text"
            )
        if not reply.choices:
            problem = f"{self._endpoint} sent a chat completion without any choice"
            return _Fruitless(failure(request, "empty", problem), problem)
        self._answered = True
        return outcome(request, reply, seconds, retrying.statistics["attempt_number"])

    def _tell(self, state: RetryCallState, key: str) -> None:
        # A dead server would look like a slow one for as long as the retries last.
        error = state.outcome.exception() if state.outcome else None
        if error is not None and self._silence.acquire(blocking=False):
            attempts = self._pacing.attempts
            _LOG.warning(
                "%s; trying again (each request %d times; this is said once)", self._said(error, key), attempts
            )

    def _failed(self, error: "openai.APIError", request: Request, key: str, attempts: int) -> _End:
        import openai  # noqa: PLC0415

        said = self._said(error, key)
        if isinstance(error, openai.APIResponseValidationError):
            if self._answered:
                return failure(request, "rejected", said)
            return EndpointError(
                f"{said}; this is probably not the address of a server that speaks the OpenAI chat API: check base_url "
                "(it usually ends in /v1)"
            )
        if isinstance(error, openai.APIStatusError) and not may_pass(error):
            return self._refused(error, request, said)
        problem = f"{said} (attempts: {attempts})"
        return _Fruitless(failure(request, "transport", problem, attempts=attempts), said)

    def _said(self, error: BaseException, key: str) -> str:
        """What went wrong, in one line that names the server and not the key."""
        import openai  # noqa: PLC0415

        if isinstance(error, openai.APIStatusError):
            return f"{self._endpoint} answered {error.status_code}: {words_of(error, key)}"
        # "Connection error." has its reason in the error of the layer below.
        reason = f"{error} {error.__cause__ or ''}"
        return f"{self._endpoint}: {clean(reason, key)}"

    def _attempt(self, client: "openai.OpenAI", request: Request) -> tuple[ChatReply, float]:
        import httpx2  # noqa: PLC0415
        import openai  # noqa: PLC0415

        from summarizer.backends.bodies import read_body  # noqa: PLC0415

        started = time.monotonic()
        parameters = self._parameters(request)
        try:
            with client.chat.completions.with_streaming_response.create(**parameters) as response:
                body = read_body(response, deadline=started + self._settings.timeout)
        except httpx2.RequestError as error:
            # The client reads the body of an error outside of its own translation.
            raise openai.APIConnectionError(request=error.request) from error
        try:
            reply = ChatReply.model_validate_json(body)
        except ValidationError:
            text = clean(body.decode("utf-8", errors="replace"), client.api_key)
            message = f"the answer is not a chat completion: {text!r}"
            # Not chained: the error of the model repeats all that is wrong with it.
            raise openai.APIResponseValidationError(response.http_response, None, message=message) from None
        return reply, time.monotonic() - started

    def _parameters(self, request: Request) -> Json:
        # OpenAI's newer models refuse the old name; of the other servers not all know the new one.
        limit = "max_completion_tokens" if self._address.hostname == "api.openai.com" else "max_tokens"
        return {
            "model": self._settings.model,
            "messages": [message.model_dump() for message in request.messages],
            "temperature": request.decoding.temperature,
            "seed": request.decoding.seed,
            limit: request.decoding.max_tokens,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": wire_schema(request.schema_text)},
            },
        }

    def _wait(self, state: RetryCallState) -> float:
        import openai  # noqa: PLC0415

        error = state.outcome.exception() if state.outcome else None
        asked = retry_after(error.response.headers) if isinstance(error, openai.APIStatusError) else None
        return self._backoff(state) if asked is None else min(asked, self._pacing.longest_wait)

    def _refused(self, error: "openai.APIStatusError", request: Request, said: str) -> Outcome | EndpointError:
        model, variable = self._settings.model, self._settings.api_key_env
        if is_out_of_quota(error):
            advice = "the account has no credit or quota left: add some, then run again"
        elif error.code in SHARED_CODES:
            advice = f"the model {model!r} does not take what every request has: change that setting, or the model"
        elif error.status_code in (401, 403):
            advice = f"check that {variable} holds a valid key for this server, and that it may use the model {model!r}"
        elif error.status_code in (404, 405, 501):
            advice = f"check the address (it usually ends in /v1) and the name of the model, {model!r}"
        elif error.status_code < 400:
            advice = "redirects are not followed: give the address that it leads to, if you trust it, as base_url"
        else:
            return failure(request, REJECTED_KINDS.get(error.code or "", "rejected"), said)
        # Not chained: the client's error repeats the server's words uncleaned, and with them perhaps the key.
        return EndpointError(f"{said}; {advice}")


def wire_schema(schema_text: str) -> Json:
    """The schema as strict mode accepts it: without bounds of lengths, which are validated locally instead.

    `Request.schema_text` already requires every property and allows no others.
    """
    schema: Json = json.loads(schema_text, object_hook=_without_lengths)
    return schema


def _without_lengths(node: Json) -> Json:
    # A property may be called maxItems too, and is then a schema, not a number.
    return {name: value for name, value in node.items() if not (name in LENGTH_KEYWORDS and isinstance(value, int))}


def _check_address(url: str) -> SplitResult:
    try:
        address = urlsplit(url)
        usable = address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:
        usable = False
    # The address is not repeated: what is wrong with it may be that it holds a key.
    if not usable:
        raise SettingsError("base_url has to be an http or https address, such as http://localhost:8000/v1")
    if address.username is not None or address.query or address.fragment:
        raise SettingsError("base_url is written into every record: give the key by api_key_env, and no user, ? or #")
    return address


def _is_loopback(address: SplitResult) -> bool:
    try:
        return ipaddress.ip_address(address.hostname or "").is_loopback
    except ValueError:
        return address.hostname == "localhost"
