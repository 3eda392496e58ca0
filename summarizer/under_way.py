"""The requests of one run that are being asked, here or by somebody else, and what waits for their answers."""

import logging
import time
from collections import deque
from collections.abc import Iterator

from summarizer.completion import Completion, Outcome, Request
from summarizer.leases import Leases

_LOG = logging.getLogger(__name__)

#: Answers and twins that may wait while the backend looks for work; bounds the memory of a run that is mostly cached.
_MOST_SET_ASIDE = 256
#: Requests that somebody else asks, and that may wait. More: a run with a local model has whole windows under way.
_MOST_ELSEWHERE = 1024
#: Seconds between two looks at them: at first, and at most.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5
#: Seconds of waiting after which it is told.
_TOLD_AFTER = 5.0


class UnderWay:
    """What was asked and is not answered yet, and a bounded number of requests that wait for an answer.

    Nobody waits for ever. No lease is waited for inside `begin`: a request whose lease somebody else has is set aside.
    `wait` sleeps, and is for those who have nothing under way and so hold no lease, which leaves no circle of runs that
    wait for one another. What could still hold a lease and not move is an iterator that nobody pulls from, and a
    stopped process. One in this thread is known and not waited for, and for all others there is a limit: `patience`.
    """

    def __init__(self, leases: Leases, patience: float) -> None:
        """`patience` is for how many seconds nothing may be heard of what others ask before it is asked here too."""
        self.asked: dict[str, Request] = {}  # by id
        self._keys: set[str] = set()
        self._hits: deque[Completion] = deque()
        self._twins: deque[Request] = deque()  # requests with the key of another that is under way here
        self._elsewhere: dict[str, Request] = {}  # by id; those that somebody else has the lease of
        self._due: deque[Request] = deque()  # those of them that are still to be looked at in this round
        self._leases, self._patience = leases, patience
        self._pause, self._next_look, self._last_sign = _FIRST_PAUSE, 0.0, 0.0
        self._impatient = self._told = False

    @property
    def is_waiting(self) -> bool:
        """Whether there are requests that somebody else asks."""
        return bool(self._elsewhere)

    def has_room(self) -> bool:
        """Whether one more request may turn out to be one that waits."""
        return len(self._hits) + len(self._twins) < _MOST_SET_ASIDE and len(self._elsewhere) < _MOST_ELSEWHERE

    def was_set_aside(self, request: Request) -> bool:
        """Whether somebody else had the lease at the last look."""
        return request.id in self._elsewhere

    def begin(self, request: Request) -> bool:
        """Whether this is to be asked, here and now; if not, it waits until its answer is there or nobody asks it."""
        waited = self._elsewhere.pop(request.id, None) is not None
        if request.key in self._keys:
            self._twins.append(request)
            return False
        taken = self._leases.take(request.key)
        if not (taken or (waited and self._impatient) or self._leases.is_of_this_thread(request.key)):
            if not (waited or self._elsewhere):
                self._note_sign()
            self._elsewhere[request.id] = request
            return False
        if waited:
            self._note_sign()
        self.asked[request.id] = request
        self._keys.add(request.key)
        return True

    def settle(self, outcome: Outcome) -> None:
        """Note that this is answered, or failed; an answer is also that of its twins. It has to be kept before.

        Who gets the lease next looks for the answer, and would ask again if it came later.
        """
        request = self.asked.pop(outcome.request_id, None)
        if request is None:
            return
        self._keys.remove(request.key)
        self._leases.free(request.key)
        if self._twins and isinstance(outcome, Completion):
            self._hits += [as_hit(outcome, twin) for twin in self._twins if twin.key == request.key]
            self._twins = deque(twin for twin in self._twins if twin.key != request.key)

    def let_go(self) -> None:
        """Note that what was asked gets no outcome any more: the backend has ended."""
        for request in self.asked.values():
            self._leases.free(request.key)
        self.asked.clear()
        self._keys.clear()

    def add_hit(self, hit: Completion) -> None:
        """Set an answer aside that needs not be asked for."""
        self._hits.append(hit)

    def take_hits(self) -> Iterator[Completion]:
        """All answers that were set aside."""
        while self._hits:
            yield self._hits.popleft()

    def next_twin(self) -> Request | None:
        """A request whose twin got no answer."""
        return self._twins.popleft() if self._twins else None

    def next_due(self) -> Request | None:
        """A request that somebody else asked, when it is time to look at it again."""
        if not self._due and self._elsewhere and time.monotonic() >= self._next_look:
            self._begin_round()
        return self._due.popleft() if self._due else None

    def wait(self) -> None:
        """Sleep until it is time to look again, half a second at most."""
        now = time.monotonic()
        if not self._told and now - self._last_sign > _TOLD_AFTER:
            self._told = True
            _LOG.info("waiting for %d answers that another run is asking for", len(self._elsewhere))
        time.sleep(max(0.0, self._next_look - now))

    def _begin_round(self) -> None:
        now = time.monotonic()
        self._due.extend(self._elsewhere.values())
        self._impatient = now - self._last_sign > self._patience
        if self._impatient:
            message = "another run has been asking for %d answers, and none came for %.0f s; asking here as well"
            _LOG.warning(message, len(self._elsewhere), now - self._last_sign)
        self._next_look = now + self._pause
        self._pause = min(self._pause * 1.5, _LONGEST_PAUSE)

    def _note_sign(self) -> None:
        self._last_sign, self._pause = time.monotonic(), _FIRST_PAUSE
        self._next_look = self._last_sign + self._pause


def as_hit(completion: Completion, request: Request) -> Completion:
    """The answer, as one to this request that was not asked for."""
    return completion.model_copy(update={"request_id": request.id, "cached": True})
