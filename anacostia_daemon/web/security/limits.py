"""How often somebody may ask: a bucket for each address, which fills with time. Bounded in number."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST_KNOWN = 4_096  # addresses; beyond, who was not heard of for longest is forgotten
MOST_BODY = 64 * 1024  # bytes of a request


@dataclass(frozen=True)
class Pace:
    """`burst` at once, and `per_second` in the long run."""

    burst: float
    per_second: float


ASKING = Pace(400, 100)  # whatever is asked: a few pages that are brought up to date all the time
ACTING = Pace(40, 10)  # what changes something
GUESSING = Pace(5, 0.1)  # tokens that were wrong


class Buckets:
    """Of one pace."""

    def __init__(self, pace: Pace, clock: Callable[[], float]) -> None:
        self._pace, self._clock = pace, clock
        self._known: OrderedDict[str, tuple[float, float]] = OrderedDict()  # what is left, and when that was

    def take(self, who: str) -> bool:
        """Whether `who` may once more; that is counted."""
        left = self.left(who)
        self._known[who] = (left - 1 if left >= 1 else left, self._clock())
        self._known.move_to_end(who)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return left >= 1

    def left(self, who: str) -> float:
        """How often `who` may, just now."""
        now = self._clock()
        left, at = self._known.get(who, (self._pace.burst, now))
        return min(self._pace.burst, left + (now - at) * self._pace.per_second)
