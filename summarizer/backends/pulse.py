"""Signs of life in the log while a model writes for minutes."""

import logging
import time

_LOG = logging.getLogger(__name__)

#: Seconds between two of them.
PULSE = 20.0


class Pulse:
    """Tells now and then how far a batch is."""

    def __init__(self, every: float = PULSE) -> None:
        """`every` is in seconds."""
        self._every, self._told = every, time.monotonic()

    def beat(self, answers: int, written: int, room: int) -> None:
        """Called after each token: so many answers are under way, the longest has so many tokens and room for more."""
        if time.monotonic() - self._told >= self._every:
            self._told = time.monotonic()
            amount = f"{answers} answers at once" if answers > 1 else "an answer"
            _LOG.info("writing %s: %d tokens so far, at most %d each", amount, written, room)
