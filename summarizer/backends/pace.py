"""The rate of requests for servers that name no limits, learned from what they refuse."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress

#: Requests that go at once, and a second, at the beginning, at the least, and by how much that is multiplied each
#: second until something is refused.
AT_ONCE, FIRST, SEARCH = 4, 50.0, 2.0
#: Seconds for which the first ones wait for a first word of the server, and between two looks at whether it came.
SILENCE, GLANCE = 1.0, 0.02
#: Share of what was let through that is sent after a refusal.
DECREASE = 0.9
#: After how many requests a rate is again what it was before a decrease by a tenth. Of as many
#: some three are refused where a limit is what refuses.
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
