"""How fast requests go out: by a clock that a test moves, so that minutes pass in no time."""

import asyncio
import heapq
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer.backends.limits import Bucket, Limits, Sent
from summarizer.backends.pace import LONGEST, SLOWEST, Pace

_NONE = Sent(0.0, (0.0, 0.0), 0.0)


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def pause(self, seconds: float) -> bool:
        """Sleep: the clock moves on, and a little further, as clocks do."""
        self.now += seconds + 1e-6
        return True


def _limits(clock: Clock, requests: float | None = None, tokens: float | None = None) -> Limits:
    """Limits that are not slow to begin: how they find a rate is tested elsewhere."""
    return Limits(requests, tokens, first=1e6, clock=clock)


def _told(name: str, limit: float, remaining: float) -> dict[str, str]:
    """The headers of an answer that speaks of one limit."""
    return {f"x-ratelimit-limit-{name}": f"{limit:g}", f"x-ratelimit-remaining-{name}": f"{remaining:g}"}


def _admit(limits: Limits, clock: Clock, tokens: float = 1.0) -> Sent:
    """Let a request through, however long that takes."""
    sent = asyncio.run(limits.admit(tokens, clock.pause))
    assert sent is not None
    return sent


def _seconds(limits: Limits, clock: Clock, count: int, tokens: float = 1.0) -> float:
    """How long it takes until so many requests have gone, with answers that say nothing."""

    async def go() -> None:
        for _ in range(count):
            limits.answered(await limits.admit(tokens, clock.pause) or _NONE, {}, 100, None)

    began = clock.now
    asyncio.run(go())
    return clock.now - began


def test_nothing_waits_for_a_server_that_names_no_limit() -> None:
    """Without a word of the server or the user a thousand requests go at once."""
    clock = Clock()
    assert _seconds(_limits(clock), clock, 1000, 1e6) == 0.0


def test_the_users_own_limit_of_requests_spreads_them_evenly() -> None:
    """A limit of 120 a minute lets 121 go in a minute, two in each second of it, and not all in the first one."""
    clock = Clock()
    limits = _limits(clock, requests=120)
    assert _seconds(limits, clock, 22) == pytest.approx(10.0, abs=0.01)
    assert _seconds(limits, clock, 100) == pytest.approx(50.0, abs=0.01)


def test_the_users_own_limit_of_tokens_counts_them() -> None:
    """What a request takes of the tokens a minute is what its answer was billed, once that is known."""
    clock = Clock()
    limits = _limits(clock, tokens=6000)
    began = clock.now
    for _ in range(30):
        limits.answered(_admit(limits, clock, 400.0), {}, 100, 100)
    assert clock.now - began == pytest.approx(29.0, abs=0.1)


def test_the_users_own_limit_holds_whatever_the_server_says() -> None:
    """A server that allows a thousand times as much changes nothing."""
    clock = Clock()
    limits = _limits(clock, requests=60)
    began = clock.now
    for _ in range(31):
        limits.answered(_admit(limits, clock), _told("requests", 60_000, 60_000), 100, None)
    assert clock.now - began >= 29.9


def test_the_server_holds_whatever_the_user_says() -> None:
    """A limit of the user's own that is larger than the server's does not make requests come faster than that."""
    clock = Clock()
    limits = _limits(clock, requests=6000)
    limits.answered(_admit(limits, clock), _told("requests", 60, 0), 100, None)
    assert _seconds(limits, clock, 30) == pytest.approx(30.0, abs=1.0)


def test_what_the_server_says_is_left_may_go_at_once() -> None:
    """Of a minute's worth that is left nearly all goes without a wait, and then as much as is filled up."""
    clock = Clock()
    limits = _limits(clock)
    limits.answered(_admit(limits, clock), _told("requests", 600, 500), 100, None)
    assert _seconds(limits, clock, 494) == 0.0
    assert _seconds(limits, clock, 100) == pytest.approx(10.0, abs=0.5)


def test_an_unknown_limit_is_none() -> None:
    """Azure says -1 for what it does not know; that, words, nothing or half of it all leave requests alone."""
    clock = Clock()
    limits = _limits(clock)
    heard = [_told("requests", -1, -1), _told("tokens", -1, -1), _told("requests", 0, 0), _told("requests", 600, -1)]
    heard += [{"x-ratelimit-limit-requests": "many", "x-ratelimit-remaining-requests": "some"}, {}]
    heard += [
        {"x-ratelimit-limit-tokens": "600"},
        {"x-ratelimit-limit-tokens": "inf"},
        _told("tokens", float("nan"), 1),
    ]
    for headers in heard:
        limits.answered(_admit(limits, clock), headers, 100, None)
        assert _seconds(limits, clock, 1000, 1e6) == 0.0, headers


def test_one_limit_may_be_unknown_where_the_other_is_not() -> None:
    """The tokens count although nothing is known of the requests."""
    clock = Clock()
    limits = _limits(clock)
    headers = _told("requests", -1, -1) | _told("tokens", 6000, 0)
    limits.answered(_admit(limits, clock, 100.0), headers, 100, 100)
    assert _seconds(limits, clock, 10, 100.0) == pytest.approx(10.0, abs=1.0)


def test_a_late_answer_takes_nothing_back() -> None:
    """An answer that says little is left, because others were sent before it came, does not count those twice."""
    clock = Clock()
    bucket = Bucket("requests", None, clock)
    bucket.learn(_told("requests", 600, 600), bucket.take(1.0), 0.0)
    marks = [bucket.take(1.0) for _ in range(100)]
    clock.now += 2.0
    before = bucket.until(550.0)
    bucket.learn(_told("requests", 600, 500), marks[-1], 2.0)
    assert bucket.until(550.0) == pytest.approx(before, abs=0.5)


def test_others_that_use_the_same_limit_are_noticed() -> None:
    """A server that says less is left than was left here is believed: somebody else was served meanwhile."""
    clock = Clock()
    bucket = Bucket("requests", None, clock)
    bucket.learn(_told("requests", 600, 600), bucket.take(1.0), 0.0)
    assert bucket.until(300.0) == 0.0
    bucket.learn(_told("requests", 600, 100), bucket.take(1.0), 0.0)
    assert bucket.until(300.0) == pytest.approx(20.0, abs=1.0)


class RateServer:
    """A server with a bucket of requests, that says what is left either when it is asked or when it answers."""

    def __init__(self, clock: Clock, per_minute: float, looks: Literal["first", "last"]) -> None:
        self._clock, self._rate, self._size, self.looks = clock, per_minute / 60, per_minute, looks
        self._level, self._then = per_minute, clock.now
        self.refused = self.served = 0

    def left(self) -> float:
        """What is left now."""
        self._level = min(self._size, self._level + (self._clock.now - self._then) * self._rate)
        self._then = self._clock.now
        return self._level

    def ask(self) -> None:
        """Take a request in, or refuse it."""
        if self.left() < 1.0:
            self.refused += 1
        else:
            self._level -= 1.0
            self.served += 1


@pytest.mark.parametrize("looks", ["first", "last"])
@pytest.mark.parametrize(("latency", "slots"), [(0.1, 16), (2.0, 64), (10.0, 400)])
def test_a_server_is_kept_busy_and_refuses_nothing(looks: Literal["first", "last"], latency: float, slots: int) -> None:
    """Whenever it looks at its bucket: it refuses next to nothing in five minutes, and serves nearly all it may."""
    clock = Clock()
    server, bucket = RateServer(clock, 600, looks), Bucket("requests", None, clock)
    flying: list[tuple[float, float, float, int]] = []
    end = clock.now + 300.0
    while clock.now < end:
        while len(flying) < slots and bucket.until(1.0) <= 0.0:
            mark = bucket.take(1.0)
            server.ask()
            heapq.heappush(flying, (clock.now + latency, clock.now, mark, int(server.left())))
        free = clock.now + bucket.until(1.0) + 1e-6 if len(flying) < slots else end
        clock.now = min(end, free, flying[0][0] if flying else end)
        while flying and flying[0][0] <= clock.now:
            _, when, mark, first = heapq.heappop(flying)
            left = first if looks == "first" else int(server.left())
            bucket.learn(_told("requests", 600, left), mark, clock.now - when)
    allowed = 600 + 10 * 300
    # Those that go out together at first, when nothing is known yet, are within the bucket.
    assert server.refused <= 0.01 * allowed
    assert server.served >= min(0.9 * allowed, 0.9 * slots / latency * 300)


@given(
    steps=st.lists(
        st.tuples(st.floats(0, 100), st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e7), st.floats(0, 60)),
        max_size=30,
    )
)
def test_no_word_of_a_server_makes_a_request_wait_for_ever(
    steps: list[tuple[float, float, float, float, float]],
) -> None:
    """After anything that a server may say a wait is a finite number, and it ends."""
    clock = Clock()
    bucket = Bucket("tokens", None, clock)
    for passed, taken, limit, remaining, seconds in steps:
        clock.now += passed
        bucket.learn(_told("tokens", limit, remaining), bucket.take(taken), seconds)
        wait = bucket.until(taken)
        assert 0.0 <= wait < float("inf")
        clock.now += wait * (1 + 1e-9) + 1e-3
        assert bucket.until(taken) <= max(1e-3, wait * 1e-6)


def test_a_request_larger_than_the_bucket_goes_when_it_is_full() -> None:
    """What a minute's tokens do not hold would wait for ever; it goes once, and others wait until that is paid off."""
    clock = Clock()
    limits = _limits(clock)
    limits.answered(_admit(limits, clock, 10.0), _told("tokens", 6000, 0), 100, 10)
    began = clock.now
    _admit(limits, clock, 12_000.0)
    assert clock.now - began <= 61.0
    _admit(limits, clock, 600.0)
    assert clock.now - began == pytest.approx(60.0 + 66.0, abs=2.0)


def test_requests_go_in_the_order_in_which_they_came() -> None:
    """A small request does not overtake a large one that waits."""

    async def go() -> list[str]:
        clock, order = Clock(), list[str]()
        limits = _limits(clock, tokens=6000)

        async def pause(seconds: float) -> bool:
            await asyncio.sleep(0)
            return await clock.pause(min(seconds, 0.02))

        async def one(name: str, tokens: float) -> None:
            assert await limits.admit(tokens, pause)
            order.append(name)

        await asyncio.gather(one("a", 100), one("large", 100), one("b", 1), one("c", 1), one("d", 1))
        return order

    assert asyncio.run(go()) == ["a", "large", "b", "c", "d"]


def test_who_waits_is_let_go_when_the_run_ends() -> None:
    """A pause that says that the run ends makes no request, and those that stand behind it get their turn to end."""

    async def go() -> list[Sent | None]:
        limits = _limits(Clock(), requests=1)

        async def pause(_: float) -> bool:
            return False

        return await asyncio.gather(*(limits.admit(1.0, pause) for _ in range(4)))

    first, *others = asyncio.run(go())
    assert first is not None
    assert others == [None, None, None]


def test_no_pause_is_longer_than_the_longest() -> None:
    """A wait of an hour is looked at again each minute: the server may say something better meanwhile."""
    pauses: list[float] = []
    clock = Clock()
    limits = _limits(clock, requests=1 / 60)

    async def pause(seconds: float) -> bool:
        pauses.append(seconds)
        return await clock.pause(seconds)

    async def go() -> None:
        assert await limits.admit(1.0, pause)
        assert await limits.admit(1.0, pause)

    asyncio.run(go())
    assert max(pauses) <= LONGEST
    assert sum(pauses) == pytest.approx(3600, abs=1)


def test_a_refused_request_is_given_back() -> None:
    """What brought no answer takes nothing of the user's own limits, so that the next one goes at once."""
    clock = Clock()
    limits = _limits(clock, tokens=6000)
    limits.failed(_admit(limits, clock, 100.0))
    began = clock.now
    limits.failed(_admit(limits, clock, 100.0))
    assert clock.now == began
    _admit(limits, clock, 100.0)
    assert clock.now == began
    _admit(limits, clock, 100.0)
    assert clock.now - began >= 0.99


def test_the_tokens_of_a_request_are_learned() -> None:
    """At first they are reckoned high, by the longest answer; after an answer by what it was billed for its size."""
    limits = _limits(Clock())
    assert limits.estimate(4000, 600) == 1300.0
    limits.answered(_admit(limits, Clock(), 1300.0), {}, 4000, 1000)
    assert limits.estimate(8000, 600) == 2000.0


def test_a_server_that_reckons_with_the_longest_answer_is_understood() -> None:
    """Refused although there seems to be room, requests are reckoned larger, step by step and not without end."""
    clock = Clock()
    limits = _limits(clock)
    limits.answered(_admit(limits, clock, 100.0), {}, 400, 100)
    before = limits.estimate(400, 600)
    room = _told("requests", 600, 500) | _told("tokens", 6000, 5000)
    limits.refused(_admit(limits, clock, 100.0), room, None)
    assert limits.estimate(400, 600) == pytest.approx(before * 1.25)
    for _ in range(100):
        limits.refused(_admit(limits, clock, 100.0), room, None)
    assert limits.estimate(400, 600) <= before * 10


def test_a_server_that_answers_nothing_is_still_asked() -> None:
    """However often everything is refused, the rate is the slowest one, and not none."""
    clock = Clock()
    pace = Pace(clock)
    for _ in range(100):
        clock.now += pace.until()
        pace.refused(pace.take(), None, explained=False)
    assert 0.0 <= pace.until() <= 1 / SLOWEST + 0.01


def test_a_pause_that_the_server_asks_for_is_kept_by_all() -> None:
    """After a 429 that asks for seven seconds nothing goes before, also where the limits explain the refusal."""
    clock = Clock()
    limits = _limits(clock)
    limits.answered(_admit(limits, clock), _told("requests", 600, 500), 100, None)
    limits.refused(_admit(limits, clock), _told("requests", 600, 0), 7.0)
    began = clock.now
    _admit(limits, clock)
    assert clock.now - began == pytest.approx(7.0, abs=0.1)


def test_a_refusal_that_the_limits_explain_slows_nothing_else() -> None:
    """Where the server names its limits, the buckets say when to go on, and no rate is guessed."""
    clock = Clock()
    limits = _limits(clock)
    for _ in range(20):
        limits.answered(_admit(limits, clock), _told("requests", 6000, 100), 100, None)
    limits.refused(_admit(limits, clock), _told("requests", 6000, 0), None)
    clock.now += 30.0
    limits.answered(_admit(limits, clock), _told("requests", 6000, 3000), 100, None)
    assert _seconds(limits, clock, 1000) == 0.0


def test_no_server_makes_all_requests_wait_for_an_hour() -> None:
    """However long a 429 asks to wait, all others wait for a minute at most."""
    clock = Clock()
    pace = Pace(clock)
    pace.refused(pace.take(), 3600.0, explained=True)
    assert pace.until() == LONGEST
