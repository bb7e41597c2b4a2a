"""Moments on the daemon's monotonic clock, and their wall times for people and for the next daemon.

A moment is translated when it is first seen and keeps that wall time: translated again after the clock was set, or
the machine slept, it would seem to have moved.
"""

from __future__ import annotations

import time
from collections.abc import Callable

_REMEMBERED = 4_000  # two for each of two thousand nodes


class Moments:
    """The translation, both ways."""

    def __init__(self, now: Callable[[], float], wall: Callable[[], float] = time.time) -> None:
        self._now, self._wall = now, wall
        self._known: dict[float, float] = {}

    def wall(self, moment: float | None) -> float | None:
        """Seconds since the epoch."""
        if moment is None:
            return None
        known = self._known.get(moment)
        return self._remember(moment, self._wall() - (self._now() - moment)) if known is None else known

    def moment(self, wall: float) -> float:
        """The moment of a wall time that an earlier daemon wrote down."""
        moment = self._now() - max(0.0, self._wall() - wall)
        self._remember(moment, wall)
        return moment

    def _remember(self, moment: float, wall: float) -> float:
        if len(self._known) >= _REMEMBERED:
            self._known.pop(next(iter(self._known)))
        self._known[moment] = wall
        return wall
