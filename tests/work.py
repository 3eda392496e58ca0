"""How much work something is, whatever the machine: calls of functions instead of seconds."""

import cProfile
from collections.abc import Callable


def calls(action: Callable[[], object]) -> int:
    """Run something and count the calls of functions in this thread, those written in C and steps of iterators too."""
    profile = cProfile.Profile()
    profile.runcall(action)
    return sum(entry.callcount for entry in profile.getstats())
