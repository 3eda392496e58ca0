"""The rate that is learned from refusals, against a bucket and a clock that are simulated."""

import heapq
import random

import pytest

from summarizer.backends.pace import Pace

#: Seconds from here to the server, or back.
_WAY = 0.005


class _World:
    """A server with a bucket, and as many requests as it lets in."""

    def __init__(self, rate: float | None, burst: float, noise: float) -> None:
        self._rate, self._size, self._noise = rate, (rate or 0.0) * burst, noise
        self._level, self._then = self._size, 0.0
        self._random = random.Random(20261127)  # noqa: S311 - noise, not secrets
        self.now = 0.0
        self.sent = self.refused = self.answered = 0

    def run(self, seconds: float, latency: float, slots: int = 256) -> None:
        pace, flying, coming = Pace(lambda: self.now, max(50.0, slots)), 0, list[tuple[float, int, float, float]]()
        while self.now < seconds:
            wait = pace.until()
            if flying < slots and wait <= 0.0:
                when, flying, self.sent = pace.take(), flying + 1, self.sent + 1
                asked = self._arrive(self.now + _WAY)
                took = 2 * _WAY + (latency if asked < 0.0 else 0.0)
                heapq.heappush(coming, (self.now + took, self.sent, when, asked))
                self.now += 0.0005
            else:
                soon = self.now + max(wait, 0.0001) if flying < slots else coming[0][0]
                self.now = max(self.now, min(soon, coming[0][0]) if coming else soon)
            while coming and coming[0][0] <= self.now:
                _, number, when, asked = heapq.heappop(coming)
                pace.heard()
                if asked > 0.0:
                    self.refused += 1
                    pace.refused(when, asked, explained=False)
                    # It keeps its place until it may come again.
                    heapq.heappush(coming, (self.now + asked, number, when, 0.0))
                else:
                    flying -= 1
                    self.answered += asked < 0.0

    def _arrive(self, when: float) -> float:
        """Seconds after which a request may come again; below zero when it is let in."""
        if self._random.random() < self._noise:
            return 0.05
        if self._rate is None:
            return -1.0
        self._level, self._then = min(self._size, self._level + (when - self._then) * self._rate), when
        if self._level < 1.0:
            return (1.0 - self._level) / self._rate
        self._level -= 1.0
        return -1.0


@pytest.mark.parametrize(("rate", "burst"), [(5.0, 1.0), (5.0, 60.0), (50.0, 1.0), (50.0, 60.0), (300.0, 1.0)])
def test_a_limit_that_nobody_tells_is_found_and_used(rate: float, burst: float) -> None:
    """In two minutes nine tenths of what a bucket allows are let through, and after the search few are refused."""
    world = _World(rate, burst, noise=0.0)
    world.run(120.0, latency=0.2)
    assert world.answered >= 0.9 * min(rate * (burst + 120.0), 256 / 0.2 * 120.0)
    assert world.refused <= 60 + 0.01 * world.sent


@pytest.mark.parametrize(("noise", "share"), [(0.01, 0.8), (0.03, 0.7), (0.07, 0.6), (0.15, 0.5)])
def test_refusals_that_are_not_about_the_rate_do_not_bring_it_down(noise: float, share: float) -> None:
    """A server without limits that refuses requests at random is still asked as fast as the slots allow, or nearly."""
    world = _World(None, 0.0, noise)
    world.run(120.0, latency=1.0, slots=64)
    assert world.answered >= share * 64 * 120.0


def test_noise_hides_no_limit() -> None:
    """Where refusals come at random and from a limit as well, the limit is neither stormed nor left unused."""
    world = _World(50.0, 1.0, noise=0.05)
    world.run(120.0, latency=0.2)
    assert world.answered >= 0.4 * 50.0 * 120.0
    assert world.refused <= 0.25 * world.sent


def test_an_early_refusal_is_made_up_for() -> None:
    """One refusal at the very beginning costs a minute or two, not the run."""
    now = 0.0
    pace = Pace(lambda: now)
    pace.refused(pace.take(), 0.05, explained=False)
    for _ in range(5000):
        now += pace.until()
        pace.take()
    assert now < 180.0
