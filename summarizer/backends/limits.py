"""How fast requests may be sent, learned from what the server says and refuses.

Servers keep buckets of requests and of tokens that fill steadily, and say in the headers of each answer how large the
buckets are and what is left. `Limits` keeps the same buckets on this side, so that a request waits here instead of
being refused there. From servers that say nothing the rate is learned from refusals (`Pace`).

Everything here runs in one event loop at a time, so there are no locks but the line in which requests wait.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from summarizer.backends.pace import FIRST, LONGEST, Pace

_LOG = logging.getLogger(__name__)

#: Seconds of refill that are left in a learned bucket: requests arrive a little earlier or later than planned.
SPARE = 0.5
#: Seconds of a wait that is told, and between two that are.
TOLD_FROM, TOLD_PAUSE = 5.0, 10.0


def _count(headers: Mapping[str, str], name: str) -> float | None:
    try:
        number = float(headers.get(name, ""))
    except ValueError:
        return None
    return number if 0.0 <= number < 1e12 else None


class Line:
    """A line in which requests wait for their turn: a lock of the event loop that runs, since each pass has its own."""

    def __init__(self) -> None:
        """Nobody waits."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = asyncio.Lock()

    def turn(self) -> asyncio.Lock:
        """To be held while it is one's turn."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._lock = loop, asyncio.Lock()
        return self._lock


class Bucket:
    """What may be sent now, of requests or of tokens. Its level may be below zero."""

    def __init__(self, name: str, per_minute: float | None, clock: Callable[[], float]) -> None:
        """`per_minute` is the user's own limit; None waits for the server to name one."""
        self._name, self._clock = name, clock
        self._own = None if per_minute is None else per_minute / 60
        self._rate = self._own
        # A second's worth: spread evenly, since many servers look at shorter times than a minute.
        self._size = max(1.0, self._own) if self._own else 0.0
        self._level, self._then = self._size, clock()
        self._sent = 0.0
        """All that was ever sent, to know later what was sent after a request."""

    @property
    def known(self) -> bool:
        """Whether there is a limit."""
        return self._rate is not None

    def until(self, amount: float) -> float:
        """Seconds until so much may be sent."""
        if self._rate is None:
            return 0.0
        self._fill(self._rate)
        # What is larger than the bucket will never fit: it goes when the bucket is full.
        missing = min(amount, self._size) - self._level
        return max(0.0, missing / self._rate)

    def take(self, amount: float) -> float:
        """Count what is sent; returns a mark for `learn`."""
        self._level -= amount
        self._sent += amount
        return self._sent

    def put_back(self, amount: float) -> None:
        """Correct what was taken for a request whose real size is known now."""
        self._level = min(self._size, self._level + amount) if self._rate else 0.0

    def learn(self, headers: Mapping[str, str], mark: float, seconds: float) -> None:
        """Take in what the server said with the answer to the request of this mark, which was sent `seconds` ago.

        The server may have looked at its bucket at the beginning or at the end of that time, so what is left now is
        between two bounds: with and without what was sent since.
        """
        limit = _count(headers, f"x-ratelimit-limit-{self._name}")
        remaining = _count(headers, f"x-ratelimit-remaining-{self._name}")
        if limit is None or limit < 1.0 or remaining is None:
            return
        rate = limit / 60
        self._fill(self._rate or rate)
        first = self._rate is None
        if self._own is None:
            self._rate, self._size = rate, limit
        spare = min(SPARE * rate, limit / 4)
        later = max(0.0, self._sent - mark)
        upper = remaining + rate * seconds - spare
        lower = min(remaining, remaining + rate * seconds - later) - spare
        level = lower if first else min(max(self._level, lower), upper)
        if self._own is not None:
            # What the server says can only make the user's own limit narrower.
            self._rate, level = min(self._own, rate), min(self._level, upper)
        self._level = min(level, self._size)

    def _fill(self, rate: float) -> None:
        now = self._clock()
        self._level = min(self._size, self._level + (now - self._then) * rate)
        self._then = now


@dataclass(slots=True)
class Sent:
    """A request that was let through: what it was taken for, and when."""

    tokens: float
    marks: tuple[float, float]
    when: float


class Limits:
    """The gate that every attempt passes."""

    def __init__(
        self,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        first: float = FIRST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The user's own limits hold whatever the server says; None learns them from it, from `first` a second on."""
        self._clock = clock
        self._requests = Bucket("requests", requests_per_minute, clock)
        self._tokens = Bucket("tokens", tokens_per_minute, clock)
        self._pace = Pace(clock, first)
        self._line = Line()
        self._next_told = 0.0
        self._by_byte = 0.0
        """Tokens billed for a byte of the request, learned; 0 until an answer came."""
        self._refused_tokens = 1.0
        """By how much the server reckons with more tokens than it bills."""

    def estimate(self, size: int, longest: int) -> float:
        """Tokens that a request of `size` bytes will take, with an answer of at most `longest` tokens."""
        expected = self._by_byte * size if self._by_byte else size / 4 + longest / 2
        return expected * self._refused_tokens

    async def admit(self, tokens: float, pause: Callable[[float], Awaitable[bool]]) -> Sent | None:
        """Wait until a request of so many tokens may go; None when `pause` says that the run ends.

        `pause` sleeps for that many seconds and returns whether to go on. Requests go in the order in which they came.
        """
        async with self._line.turn():
            while (seconds := max(self._pace.until(), self._requests.until(1.0), self._tokens.until(tokens))) > 0.0:
                self._tell(seconds)
                if not await pause(min(seconds, LONGEST)):
                    return None
            return Sent(tokens, (self._requests.take(1.0), self._tokens.take(tokens)), self._pace.take())

    def _tell(self, seconds: float) -> None:
        now = self._clock()
        if seconds >= TOLD_FROM and now >= self._next_told:
            self._next_told = now + TOLD_PAUSE
            _LOG.info("waiting %.0f s: what may be sent in a minute is used up", seconds)

    def answered(self, sent: Sent, headers: Mapping[str, str], size: int, tokens: int | None) -> None:
        """Take in an answer to a request of `size` bytes: what the server said of its limits and the tokens billed."""
        if tokens:
            self._tokens.put_back(sent.tokens - tokens)
            # If the server reckons otherwise by now, a refusal says so again.
            self._refused_tokens = max(1.0, self._refused_tokens * 0.999)
            ratio = tokens / max(size, 1)
            self._by_byte = ratio if not self._by_byte else 0.9 * self._by_byte + 0.1 * ratio
        self._learn(sent, headers)

    def failed(self, sent: Sent, headers: Mapping[str, str] | None = None) -> None:
        """Take in an attempt that brought no answer and, as far as is known, used nothing up."""
        self._tokens.put_back(sent.tokens)
        if headers is not None:
            self._learn(sent, headers)

    def refused(self, sent: Sent, headers: Mapping[str, str], wait: float | None) -> None:
        """Take in a 429; `wait` are the seconds that the server asks for."""
        self._requests.put_back(1.0)
        self._tokens.put_back(sent.tokens)
        self._learn(sent, headers)
        requests, left = (_count(headers, f"x-ratelimit-remaining-{name}") for name in ("requests", "tokens"))
        if left is not None and left > sent.tokens and requests:
            # It reckons with more tokens than it bills, such as those of the longest answer.
            self._refused_tokens = min(self._refused_tokens * 1.25, 10.0)
        # A limit of the user's own, or one that is told beside another one that is not, explains nothing.
        short = (requests is not None and requests < 1.0) or (left is not None and left < sent.tokens)
        self._pace.refused(sent.when, wait, explained=short)

    def _learn(self, sent: Sent, headers: Mapping[str, str]) -> None:
        self._pace.heard()
        seconds = self._clock() - sent.when
        for bucket, mark in zip((self._requests, self._tokens), sent.marks, strict=True):
            bucket.learn(headers, mark, seconds)
