"""When to look at the size of the node's log: often while it grows, else with the heartbeat. Runs in the link thread,
where no task is called back from: a rotation is never left half done.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

OFTEN = 0.25  # seconds; in which a flood writes what is over the limit, at most
NOW_AND_THEN = 1.0  # while the node is at work
AT_REST = 15.0
EARLY = 7.5  # seconds before it is time at rest; who is awake then looks, and need not wake up for it


class Rotating(Protocol):
    """What is rotated when it is looked at; `look` gives its size."""

    max_bytes: int

    def look(self) -> int: ...


class LogWatch:
    """Looks at `rotation` when it is time."""

    def __init__(self, rotation: Rotating, clock: Callable[[], float] = time.monotonic) -> None:
        self._rotation, self._clock = rotation, clock
        self._size = 0
        self._looked = self._due = clock()

    def look(self, *, at_work: bool) -> float:
        """Look, if it is time; when the next time is."""
        now = self._clock()
        if at_work:
            self._due = min(self._due, now + NOW_AND_THEN)
        if now >= self._due - (0.0 if at_work else EARLY):
            size = self._rotation.look()
            self._due = now + wait(size, size - self._size, now - self._looked, self._rotation.max_bytes, at_work)
            self._size, self._looked = size, now
        return self._due


def wait(size: int, grown: int, over: float, limit: int, at_work: bool) -> float:
    """Seconds until the next look at a log of `size` bytes that has `grown` so much `over` so many seconds: half of
    what it has left to its limit at this speed."""
    longest = NOW_AND_THEN if at_work else AT_REST
    if grown < 0:
        return OFTEN  # it was rotated: how fast it grows is not known
    if grown == 0:
        return longest
    left = (limit - size) * over / grown / 2
    return max(OFTEN, min(left, longest))
