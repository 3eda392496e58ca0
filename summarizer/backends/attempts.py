"""One request to a server, tried until it is answered, refused or given up."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from pydantic import Field
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from summarizer.backends.budget import Budget
from summarizer.backends.endpoint import Endpoint
from summarizer.backends.limits import Limits
from summarizer.backends.refusals import NOT_TEXT, Fruitless, may_be_billed, may_pass, never_answered, refused
from summarizer.backends.replies import ChatReply, bare_request, clean, failure, outcome, retry_after, tokens_of
from summarizer.backends.wire import Dialect, Wire
from summarizer.completion import Outcome, Request
from summarizer.errors import BudgetError, EndpointError
from summarizer.records import Frozen
from summarizer.settings import Settings

if TYPE_CHECKING:
    import openai

    from summarizer.backends.exchange import Received

_LOG = logging.getLogger(__name__)


class Pacing(Frozen):
    """How often one request is tried, and how long to wait in between, in seconds.

    A wait that the server asks for is kept, and one of more than `longest_asked` stops the run. Without one it is drawn
    at random below a limit that starts at `first_wait` and doubles each time, up to `longest_wait`. A wait of
    `told_wait` or more is told, unless another one was told less than `told_pause` ago.
    """

    attempts: int = Field(default=6, ge=1)
    first_wait: float = Field(default=2.0, gt=0.0)
    longest_wait: float = Field(default=60.0, gt=0.0)
    longest_asked: float = Field(default=900.0, gt=0.0)
    told_wait: float = Field(default=5.0, ge=0.0)
    told_pause: float = Field(default=10.0, ge=0.0)


#: How a request ended; None when the run ended before it was sent, or sent again.
End = Outcome | EndpointError | BudgetError | Fruitless | None


class Ending:
    """Whether the run ends: set once, and waits are cut short. Belongs to one event loop."""

    def __init__(self) -> None:
        """Not yet."""
        self._is_set = False
        self._end: asyncio.Future[None] | None = None

    def set(self) -> None:
        """End the run."""
        self._is_set = True
        if self._end is not None and not self._end.done():
            self._end.set_result(None)

    def is_set(self) -> bool:
        """Whether it ends."""
        return self._is_set

    async def pause(self, seconds: float) -> bool:
        """Sleep, but no longer than until the end; returns whether to go on."""
        if self._end is None:
            self._end = asyncio.get_running_loop().create_future()
        if not self._is_set:
            # Not `asyncio.timeout`: see `exchange`.
            await asyncio.wait({self._end}, timeout=seconds)
        return not self._is_set


class _EndedError(Exception):
    """The run ended before the attempt, or the next one, was sent."""


class Attempts:
    """Asks one server, from as many coroutines of one event loop as there are requests under way."""

    def __init__(self, endpoint: Endpoint, settings: Settings, pacing: Pacing, limits: Limits, budget: Budget) -> None:
        """Nothing is sent or imported yet."""
        self._endpoint, self._settings, self._pacing = endpoint, settings, pacing
        self._limits, self._budget = limits, budget
        self._backoff = wait_random_exponential(
            multiplier=pacing.first_wait, min=pacing.first_wait / 2, max=pacing.longest_wait
        )
        self.answered = False
        """Whether the server ever answered: what follows is then about one request and not about the address."""
        self._is_told, self._next_told = False, 0.0

    async def ask(self, client: "openai.AsyncOpenAI", wire: Wire, request: Request, ending: Ending) -> End:
        """How the request ended. When `ending` is set, waits are cut short and no further attempt is made."""
        import openai  # noqa: PLC0415

        key, attempts = client.api_key, 0
        try:
            content = wire.content(request)
            retrying = self._retrying(ending, key)
            longest = request.decoding.max_tokens
            answered: tuple[Received, float | None] = await retrying(self.attempt, client, content, longest, ending)
            attempts = retrying.statistics["attempt_number"]
        except (EndpointError, BudgetError) as error:
            return error
        except _EndedError:
            return None
        except openai.APIError as error:
            return self._failed(error, request, key, retrying.statistics["attempt_number"])
        except UnicodeEncodeError:
            return failure(request, "rejected", NOT_TEXT)
        received, cost = answered
        if not received.reply.choices:
            sent = clean(received.body.decode("utf-8", errors="replace"), key)
            problem = f"{self._endpoint.url} sent a chat completion without any choice: {sent}"
            tokens = tokens_of(received.reply)
            nothing = failure(request, "empty", problem, attempts=attempts, tokens=tokens, cost=cost)
            return Fruitless(nothing, problem)
        self.answered = True
        return outcome(request, received.reply, wire.rung, seconds=received.seconds, attempts=attempts, cost=cost)

    async def probe(self, client: "openai.AsyncOpenAI", content: bytes, longest: int, ending: Ending) -> ChatReply:
        """The reply to a question that is about no paper; `openai.APIError` when there is none."""
        retrying = self._retrying(ending, client.api_key)
        answered: tuple[Received, float | None] = await retrying(self.attempt, client, content, longest, ending)
        return answered[0].reply

    async def translated(self, probing: Coroutine[Any, Any, Dialect], key: str) -> Dialect:
        """What a probe finds, or an `EndpointError` that says why it got no answer."""
        import openai  # noqa: PLC0415

        try:
            return await probing
        except openai.APIError as error:
            said = self._endpoint.said(error, key)
            if isinstance(error, openai.APIStatusError) and not may_pass(error):
                end = refused(error, said, bare_request(), self._settings, answered=False)
                advice = "no form of request was taken: check --model, --max-tokens and extra_body"
                raise (end if isinstance(end, EndpointError) else EndpointError(f"{said}; {advice}")) from None
            raise EndpointError(f"{said}; nothing was asked yet: check the address, and that the server runs") from None

    def _retrying(self, ending: Ending, key: str) -> AsyncRetrying:
        async def sleep(seconds: float) -> None:
            if not await ending.pause(seconds):
                # tenacity would make one more attempt after the sleep.
                raise _EndedError

        return AsyncRetrying(
            retry=retry_if_exception(may_pass),
            wait=self._wait,
            stop=lambda state: stop_after_attempt(self._pacing.attempts)(state) or ending.is_set(),
            sleep=sleep,
            before_sleep=lambda state: self._tell(state, key),
            reraise=True,
        )

    async def attempt(
        self, client: "openai.AsyncOpenAI", content: bytes, longest: int, ending: Ending
    ) -> "tuple[Received, float | None]":
        """A chat completion and its cost in US dollars, once the budget and the limits let it through."""
        import openai  # noqa: PLC0415

        from summarizer.backends.exchange import exchange  # noqa: PLC0415

        most = self._budget.most(len(content), longest)
        if not await self._budget.reserve(most, ending.pause):
            raise _EndedError
        sent = None
        try:
            sent = await self._limits.admit(self._limits.estimate(len(content), longest), ending.pause)
        finally:
            if sent is None:
                self._budget.free(most)
        if sent is None:
            raise _EndedError
        try:
            received = await exchange(client, content, self._settings.timeout)
        except openai.APIError as error:
            (self._budget.keep if may_be_billed(error) else self._budget.free)(most)
            headers = error.response.headers if isinstance(error, openai.APIStatusError) else None
            if headers is not None and getattr(error, "status_code", 0) == 429:
                self._limits.refused(sent, headers, retry_after(headers))
            else:
                self._limits.failed(sent, headers)
            self._check_first(error, client.api_key)
            self._check_wait(error, client.api_key)
            raise
        except BaseException:
            self._budget.keep(most)
            raise
        tokens = tokens_of(received.reply)
        total = tokens.prompt + tokens.completion
        self._limits.answered(sent, received.headers, len(content), total)
        said = any(choice.message.content or choice.message.tool_calls for choice in received.reply.choices)
        if not tokens.prompt or (said and not tokens.completion):
            # What it does not count it may bill all the same.
            self._budget.keep(most)
            return received, None
        return received, self._budget.bill(most, tokens)

    def _check_first(self, error: "openai.APIError", key: str) -> None:
        import openai  # noqa: PLC0415

        if self.answered or not isinstance(error, openai.APIResponseValidationError | openai.APIStatusError):
            return
        if error.response.is_success and may_pass(error):
            # Not chained: the client's error repeats the server's words uncleaned, and with them perhaps the key.
            raise never_answered(error, self._endpoint.said(error, key)) from None

    def _check_wait(self, error: "openai.APIError", key: str) -> None:
        asked = _asked(error)
        if asked is not None and asked > self._pacing.longest_asked and may_pass(error):
            # By then each request would have used up its attempts, and failed.
            advice = f"it asks to wait {asked / 60:.0f} minutes: run the same command again then, it goes on from here"
            raise EndpointError(f"{self._endpoint.said(error, key)}; {advice}") from None

    def _failed(self, error: "openai.APIError", request: Request, key: str, attempts: int) -> End:
        import openai  # noqa: PLC0415

        said = self._endpoint.said(error, key)
        if isinstance(error, openai.APIStatusError) and not may_pass(error):
            return refused(error, said, request, self._settings, answered=self.answered)
        problem = f"{said} (attempts: {attempts})"
        return Fruitless(failure(request, "transport", problem, attempts=attempts), said)

    def _wait(self, state: RetryCallState) -> float:
        asked = _asked(state.outcome.exception() if state.outcome else None)
        return self._backoff(state) if asked is None else asked

    def _tell(self, state: RetryCallState, key: str) -> None:
        error = state.outcome.exception() if state.outcome else None
        if error is None:
            return
        said, pacing = self._endpoint.said(error, key), self._pacing
        # A dead server would look like a slow one for as long as the retries last.
        if not self._is_told:
            self._is_told = True
            _LOG.warning("%s; trying again (each request %d times; this is said once)", said, pacing.attempts)
        now = time.monotonic()
        if state.upcoming_sleep >= pacing.told_wait and now >= self._next_told:
            self._next_told = now + pacing.told_pause
            reason = "as the server asks" if _asked(error) is not None else "before the next attempt"
            _LOG.info("waiting %.0f s, %s: %s", state.upcoming_sleep, reason, said)


def _asked(error: BaseException | None) -> float | None:
    """Seconds that the server asked to wait when it refused the last attempt."""
    import openai  # noqa: PLC0415

    return retry_after(error.response.headers) if isinstance(error, openai.APIStatusError) else None
