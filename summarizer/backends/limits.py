"""How fast requests may be sent, learned from what the server says and refuses.

Servers keep buckets of requests and of tokens that fill steadily, and say in the headers of each answer how large the
buckets are and what is left. `Limits` keeps the same buckets on this side, so that a request waits here instead of
being refused there. From servers that say nothing the rate is learned as TCP learns it: it grows by a little while all
goes well, and falls below what came through when requests are refused.

Everything here runs in one event loop, so there are no locks but the line in which requests wait.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

#: Seconds of refill that are left in a learned bucket: requests arrive a little earlier or later than planned.
SPARE = 0.3
#: Share of what came through that is sent after a refusal.
DECREASE = 0.9
#: Growth of the rate in a second without refusals.
INCREASE = 0.02
#: Seconds over which what came through is counted, and after which a refusal counts as another one.
ROUND = 2.0
#: Rounds in a row that brought refusals although the rate fell each time: then they are not about the rate.
IN_VAIN = 5
#: Seconds for which the rate is then left alone.
LEFT_ALONE = 30.0
#: Requests a second below which no rate falls.
SLOWEST = 0.2
#: Seconds that a request may wait for a rate, where a server's words would make it wait for ever.
LONGEST = 60.0


def _count(headers: Mapping[str, str], name: str) -> float | None:
    try:
        number = float(headers.get(name, ""))
    except ValueError:
        return None
    return number if 0.0 <= number < 1e12 else None


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


class Pace:
    """The rate for servers that name no limits: it grows slowly, and falls when something is refused."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """As fast as it goes until something is refused."""
        self._clock, self._began = clock, clock()
        self._rate: float | None = None
        self._next = self._grown = self._round = self._free = 0.0
        self._paused = 0.0
        self._through = deque[float]()
        self._in_vain = 0

    def until(self) -> float:
        """Seconds until the next request."""
        now = self._clock()
        if self._rate is None:
            return max(0.0, self._paused - now)
        self._rate *= 1 + INCREASE * max(0.0, now - self._grown)
        self._grown = now
        return max(0.0, self._paused - now, self._next - now)

    def take(self) -> None:
        """Count a request."""
        if self._rate is not None:
            # A loop that wakes late does not lose what it was late.
            now = self._clock()
            self._next = max(self._next, now - 0.1) + 1 / self._rate

    def came_through(self) -> None:
        """Count a request that was not refused."""
        now = self._clock()
        self._through.append(now)
        while self._through[0] < now - ROUND:
            self._through.popleft()

    def refused(self, wait: float | None, *, explained: bool) -> None:
        """Take in a 429 and the seconds that came with it; `explained` when a bucket says so already."""
        now = self._clock()
        if now < self._free:
            return  # it was tried: these refusals do not depend on how much is sent
        if wait is not None:
            self._paused = max(self._paused, now + min(wait, LONGEST))
        if explained or now < self._round:
            return
        self._in_vain = self._in_vain + 1 if now - self._round < ROUND else 1
        if self._in_vain >= IN_VAIN:
            self._rate, self._in_vain, self._free, self._paused = None, 0, now + LEFT_ALONE, 0.0
            return
        since = max(now - ROUND, self._round - ROUND, self._began)
        came = sum(1 for when in self._through if when > since)
        through = came / max(now - since, 0.1)
        self._rate = max(SLOWEST, DECREASE * (through if self._rate is None else min(through, self._rate)))
        self._grown, self._next = now, max(now, self._paused)
        self._round = now + ROUND


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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The user's own limits hold whatever the server says; None learns them from it."""
        self._clock = clock
        self._requests = Bucket("requests", requests_per_minute, clock)
        self._tokens = Bucket("tokens", tokens_per_minute, clock)
        self._pace = Pace(clock)
        self._line = asyncio.Lock()
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
        async with self._line:
            while (seconds := max(self._pace.until(), self._requests.until(1.0), self._tokens.until(tokens))) > 0.0:
                if not await pause(min(seconds, LONGEST)):
                    return None
            self._pace.take()
            return Sent(tokens, (self._requests.take(1.0), self._tokens.take(tokens)), self._clock())

    def answered(self, sent: Sent, headers: Mapping[str, str], size: int, tokens: int | None) -> None:
        """Take in an answer to a request of `size` bytes: what the server said of its limits and the tokens billed."""
        self._pace.came_through()
        if tokens:
            self._tokens.put_back(sent.tokens - tokens)
            ratio = tokens / max(size, 1)
            self._by_byte = ratio if not self._by_byte else 0.9 * self._by_byte + 0.1 * ratio
        self._learn(sent, headers)

    def failed(self, sent: Sent, headers: Mapping[str, str] | None = None) -> None:
        """Take in an attempt that brought no answer and, as far as is known, used nothing up."""
        self._tokens.put_back(sent.tokens)
        if headers is not None:
            self._pace.came_through()
            self._learn(sent, headers)

    def refused(self, sent: Sent, headers: Mapping[str, str], wait: float | None) -> None:
        """Take in a 429; `wait` are the seconds that the server asks for."""
        self._requests.put_back(1.0)
        self._tokens.put_back(sent.tokens)
        self._learn(sent, headers)
        left = _count(headers, "x-ratelimit-remaining-tokens")
        if left is not None and left > sent.tokens and _count(headers, "x-ratelimit-remaining-requests"):
            # It reckons with more tokens than it bills, such as those of the longest answer.
            self._refused_tokens = min(self._refused_tokens * 1.25, 10.0)
        self._pace.refused(wait, explained=self._requests.known or self._tokens.known)

    def _learn(self, sent: Sent, headers: Mapping[str, str]) -> None:
        seconds = self._clock() - sent.when
        for bucket, mark in zip((self._requests, self._tokens), sent.marks, strict=True):
            bucket.learn(headers, mark, seconds)
