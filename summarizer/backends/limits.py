"""How fast requests may be sent, learned from what the server says and refuses.

Servers keep buckets of requests and of tokens that fill steadily, and say in the headers of each answer how large the
buckets are and what is left. `Limits` keeps the same buckets on this side, so that a request waits here instead of
being refused there. From servers that say nothing the rate is learned from refusals (`Pace`).

Everything here runs in one event loop at a time, so there are no locks but the line in which requests wait.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

#: Seconds of refill that are left in a learned bucket: requests arrive a little earlier or later than planned.
SPARE = 0.5
#: Requests that go at once, and a second, at the beginning, at the least, and by how much that is multiplied each
#: second until something is refused.
AT_ONCE, FIRST, SEARCH = 4, 50.0, 2.0
#: Seconds for which the first ones wait for a first word of the server, and between two looks at whether it came.
SILENCE, GLANCE = 1.0, 0.02
#: Share of what was let through that is sent after a refusal.
DECREASE = 0.9
#: After how many requests a rate is again what it was before a decrease by a tenth. The share of requests that are
#: refused is about one in as many.
RECOVERY = 600
#: Seconds over which what was let through is counted, or the time of so many requests when that is longer.
ROUND, SAMPLE = 2.0, 20
#: Refusals among as many requests as a recovery takes that bring the rate down: fewer may come at any rate.
FEW = 3
#: Requests after a decrease before the next one: fewer are no measure.
AT_LEAST = 10
#: Requests after a decrease within which these come too soon to be about the rate, once that has been found.
SOON = 450
#: Decreases more that were followed by a refusal too soon than by one in time, from which on that is so.
IN_VAIN = 8
#: Seconds for which as many refusals are then taken as they come, but no larger share of requests than that.
TOLERANT, MOST_TOLERATED = 30.0, 0.5
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


class Pace:
    """The rate for servers that name no limits, learned as TCP learns it.

    It doubles each second until one is refused. A refusal brings it below what was let through lately; then it
    comes back with each request as CUBIC does it (RFC 9438): quickly at first, slowly about the rate that was refused,
    and ever quicker beyond. What was sent before the last decrease says nothing about the new rate.
    Refusals that go on right after each decrease are not about the rate, as those of a server that has too much to do:
    for a while as many of them are then taken as they come, and only more of them bring the rate down.
    """

    def __init__(self, clock: Callable[[], float], first: float = FIRST) -> None:
        """Begin with `first` requests a second: of a thousand sent before the first refusal, most may be refused."""
        self._clock = clock
        self._rate, self._first, self._searching, self._began = first, first, True, 0.0
        self._next = self._paused = 0.0
        self._grown: float | None = None
        self._taken, self._heard = 0, False
        self._cut = 0.0
        """When the rate was last decreased, or the first request was sent."""
        self._refused_rate, self._recovery, self._since_cut = first, 0.0, 0
        """The rate that was decreased then; after how many requests it is tried again; requests since."""
        self._passed, self._turned_away = deque[float](), deque[float]()
        """When those were sent, lately, that were not refused, and those that were."""
        self._refusals = deque[int]()
        """Of those since the last decrease that count, after how many requests they came."""
        self._in_vain = 0
        self._tolerated, self._tolerant_until = 0.0, 0.0
        """Share of refusals that is not about the rate."""

    def until(self) -> float:
        """Seconds until the next request."""
        now = self._clock()
        if self._taken >= AT_ONCE and not self._heard and now < self._began + SILENCE:
            return GLANCE
        return max(0.0, self._paused - now, self._next - now)

    def heard(self) -> None:
        """Note that the server said something, from which its limits are known if it tells any."""
        self._heard = True

    def take(self) -> float:
        """Count a request; returns when it was sent."""
        now = self._clock()
        if self._grown is None:
            self._grown = self._cut = self._began = now
        self._since_cut += 1
        if self._searching:
            # Not for times without requests.
            self._rate *= SEARCH ** min(1.0, now - self._grown)
        else:
            distance = (self._since_cut - self._recovery) / RECOVERY
            self._rate = self._refused_rate * (1 + (1 - DECREASE) * distance**3)
        # Where the slots are what bounds, the rate stays near what is sent, so that a refusal finds it there.
        sent = len(self._passed) / min(self._window(), max(now - self._began, 0.5))
        self._rate, self._grown = max(SLOWEST, min(self._rate, max(self._first, 2 * sent))), now
        # A loop that wakes late does not lose what it was late.
        self._taken += 1
        if self._taken >= AT_ONCE:
            self._next = max(self._next, now - 0.1) + 1 / self._rate
        self._passed.append(now)
        for times in (self._passed, self._turned_away):
            while times and times[0] < now - self._window():
                times.popleft()
        return now

    def refused(self, sent: float, wait: float | None, *, explained: bool) -> None:
        """Take in a 429 to the request that was `sent` then, and the seconds that it asks for.

        `explained` when a bucket says it already.
        """
        now = self._clock()
        with suppress(ValueError):
            self._passed.remove(sent)
            self._turned_away.append(sent)
        share = len(self._turned_away) / max(1, len(self._turned_away) + len(self._passed))
        if now < self._tolerant_until and share <= self._tolerated:
            return
        if not explained and sent >= self._cut:
            self._refusals.append(self._since_cut)
            while self._refusals[0] < self._since_cut - RECOVERY:
                self._refusals.popleft()
            if len(self._refusals) < FEW or self._since_cut < AT_LEAST:
                return
        if wait is not None:
            self._paused = max(self._paused, now + min(wait, LONGEST))
        if explained or sent < self._cut:
            return
        self._refusals.clear()
        since = max(self._cut, now - self._window())
        through = sum(when >= since for when in self._passed) / max(now - since, 0.1)
        if not self._searching:
            self._in_vain = self._in_vain + 1 if self._since_cut < SOON else max(0, self._in_vain - 1)
        if self._in_vain >= IN_VAIN:
            self._in_vain, self._searching, self._paused = 0, True, 0.0
            self._tolerated, self._tolerant_until = min(2 * share + 0.1, MOST_TOLERATED), now + TOLERANT
            return
        self._searching, self._refused_rate, self._since_cut = False, self._rate, 0
        # Right after a decrease there is little to judge by, so the rate falls by no more than half.
        self._rate = max(SLOWEST, DECREASE * min(self._rate, max(through, self._rate / 2)))
        missing = max(0.0, 1 - self._rate / self._refused_rate)
        self._recovery = RECOVERY * (missing / (1 - DECREASE)) ** (1 / 3)
        self._cut = now
        self._next = max(now, self._paused)

    def _window(self) -> float:
        return max(ROUND, SAMPLE / self._rate)


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
                if not await pause(min(seconds, LONGEST)):
                    return None
            return Sent(tokens, (self._requests.take(1.0), self._tokens.take(tokens)), self._pace.take())

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
