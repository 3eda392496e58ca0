"""One request to a server, tried until it is answered, refused or given up."""

import logging
import threading
import time
from typing import TYPE_CHECKING

from pydantic import Field
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_when_event_set,
    wait_random_exponential,
)
from tenacity.nap import sleep_using_event

from summarizer.backends.endpoint import Endpoint
from summarizer.backends.refusals import Fruitless, may_pass, never_answered, refused
from summarizer.backends.replies import (
    ChatReply,
    ErrorReply,
    clean,
    failure,
    outcome,
    read_reply,
    retry_after,
)
from summarizer.backends.wire import parameters
from summarizer.completion import Outcome, Request
from summarizer.errors import EndpointError
from summarizer.records import Frozen
from summarizer.settings import Settings

if TYPE_CHECKING:
    import openai

_LOG = logging.getLogger(__name__)


class Pacing(Frozen):
    """How often one request is tried, and how long to wait in between, in seconds.

    A wait that the server asks for is kept, up to `longest_wait`. Without one it is drawn at random below a limit that
    starts at `first_wait` and doubles each time. A wait of `told_wait` or more is told, unless another one was told
    less than `told_pause` ago.
    """

    attempts: int = Field(default=6, ge=1)
    first_wait: float = Field(default=2.0, gt=0.0)
    longest_wait: float = Field(default=60.0, gt=0.0)
    told_wait: float = Field(default=5.0, ge=0.0)
    told_pause: float = Field(default=10.0, ge=0.0)


#: How a request ended.
End = Outcome | EndpointError | Fruitless


class Attempts:
    """Asks one server, from as many threads as there are requests under way."""

    def __init__(self, endpoint: Endpoint, settings: Settings, pacing: Pacing) -> None:
        """Nothing is sent or imported yet."""
        self._endpoint, self._settings, self._pacing = endpoint, settings, pacing
        self._backoff = wait_random_exponential(
            multiplier=pacing.first_wait, min=pacing.first_wait / 2, max=pacing.longest_wait
        )
        self.answered = False
        """Whether the server ever answered: what follows is then about one request and not about the address."""
        self._silence = threading.Lock()
        """Taken by the first failure, which is told, and never given back."""
        self._telling, self._next_told = threading.Lock(), 0.0

    def ask(self, client: "openai.OpenAI", request: Request, ending: threading.Event) -> End:
        """How the request ended. When `ending` is set, waits are cut short and no further attempt is made."""
        import openai  # noqa: PLC0415

        key = client.api_key
        retrying = Retrying(
            retry=retry_if_exception(may_pass),
            wait=self._wait,
            stop=stop_after_attempt(self._pacing.attempts) | stop_when_event_set(ending),
            sleep=sleep_using_event(ending),
            before_sleep=lambda state: self._tell(state, key),
            reraise=True,
        )
        try:
            reply, body, seconds = retrying(self._attempt, client, request)
        except EndpointError as error:
            return error
        except openai.APIError as error:
            return self._failed(error, request, key, retrying.statistics["attempt_number"])
        except UnicodeEncodeError:
            problem = "the abstract or title holds half of a surrogate pair, which is no text"
            return failure(request, "rejected", problem)
        attempts = retrying.statistics["attempt_number"]
        if not reply.choices:
            sent = clean(body.decode("utf-8", errors="replace"), key)
            problem = f"{self._endpoint.url} sent a chat completion without any choice: {sent}"
            return Fruitless(failure(request, "empty", problem, attempts=attempts), problem)
        self.answered = True
        return outcome(request, reply, seconds, attempts)

    def _attempt(self, client: "openai.OpenAI", request: Request) -> tuple[ChatReply, bytes, float]:
        """A chat completion, also as it came, and the seconds that it took."""
        import openai  # noqa: PLC0415

        started = time.monotonic()
        try:
            reply, body = self._receive(client, request, deadline=started + self._settings.timeout)
        except (openai.APIResponseValidationError, openai.APIStatusError) as error:
            if self.answered or not error.response.is_success or not may_pass(error):
                raise
            # Not chained: the client's error repeats the server's words uncleaned, and with them perhaps the key.
            raise never_answered(error, self._endpoint.said(error, client.api_key)) from None
        return reply, body, time.monotonic() - started

    def _receive(self, client: "openai.OpenAI", request: Request, deadline: float) -> tuple[ChatReply, bytes]:
        import httpx2  # noqa: PLC0415
        import openai  # noqa: PLC0415

        from summarizer.backends.bodies import read_body  # noqa: PLC0415

        sent = parameters(request, self._settings.model, self._endpoint.limit_name)
        try:
            with client.chat.completions.with_streaming_response.create(**sent) as response:
                body = read_body(response, deadline)
        except httpx2.RequestError as error:
            # The client reads the body of an error outside of its own translation.
            raise openai.APIConnectionError(request=error.request) from error
        reply = read_reply(body)
        if isinstance(reply, ChatReply):
            return reply, body
        if isinstance(reply, ErrorReply):
            raise openai.APIStatusError("an error", response=response.http_response, body=reply.body)
        text = clean(body.decode("utf-8", errors="replace"), client.api_key)
        message = f"the answer is not a chat completion: {text!r}"
        raise openai.APIResponseValidationError(response.http_response, None, message=message)

    def _failed(self, error: "openai.APIError", request: Request, key: str, attempts: int) -> End:
        import openai  # noqa: PLC0415

        said = self._endpoint.said(error, key)
        if isinstance(error, openai.APIStatusError) and not may_pass(error):
            return refused(error, said, request, self._settings, answered=self.answered)
        problem = f"{said} (attempts: {attempts})"
        return Fruitless(failure(request, "transport", problem, attempts=attempts), said)

    def _wait(self, state: RetryCallState) -> float:
        asked = _asked(state)
        return self._backoff(state) if asked is None else min(asked, self._pacing.longest_wait)

    def _tell(self, state: RetryCallState, key: str) -> None:
        error = state.outcome.exception() if state.outcome else None
        if error is None:
            return
        said, pacing = self._endpoint.said(error, key), self._pacing
        # A dead server would look like a slow one for as long as the retries last.
        if self._silence.acquire(blocking=False):
            _LOG.warning("%s; trying again (each request %d times; this is said once)", said, pacing.attempts)
        if state.upcoming_sleep >= pacing.told_wait and self._is_time_to_tell():
            reason = "as the server asks" if _asked(state) is not None else "before the next attempt"
            _LOG.info("waiting %.0f s, %s: %s", state.upcoming_sleep, reason, said)

    def _is_time_to_tell(self) -> bool:
        with self._telling:
            now = time.monotonic()
            if now < self._next_told:
                return False
            self._next_told = now + self._pacing.told_pause
            return True


def _asked(state: RetryCallState) -> float | None:
    """Seconds that the server asked to wait when it refused the last attempt."""
    import openai  # noqa: PLC0415

    error = state.outcome.exception() if state.outcome else None
    return retry_after(error.response.headers) if isinstance(error, openai.APIStatusError) else None
