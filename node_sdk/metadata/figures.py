"""What a store's process counts of itself since it began: runs and tasks that ended, hops, commits. Only numbers in
memory, added to after a commit; nobody is told before somebody asks. A new process begins with nothing.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

# Upper bounds in seconds. A run may take milliseconds or a day, a commit microseconds or the seconds of a full disk.
LONG = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
SHORT = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
RUN_ENDS = ("succeeded", "failed", "cancelled")
TASK_ENDS = ("succeeded", "failed", "error")  # of a task that was executed
REQUESTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)  # of one commit


class Histogram:
    """How many values fell below each of some bounds, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)  # the last: above all bounds
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count one value. A clock that was set back makes no negative durations."""
        self.counts[bisect_left(self.bounds, value)] += 1
        if value > 0:
            self.total += value

    def shown(self) -> dict[str, Any]:
        """As plain values; `buckets` cumulative, the last without a bound."""
        at_most, buckets = 0, []
        for bound, count in zip((*self.bounds, None), self.counts, strict=True):
            at_most += count
            buckets.append([bound, at_most])
        return {"buckets": buckets, "sum": self.total if math.isfinite(self.total) else 0.0}


Ended = tuple[str | None, str, float | None]  # node (None: the run itself), state, seconds (None: it never began)


class Figures:
    """Of one process of a store, in whose graph these are the actions."""

    def __init__(self, actions: Iterable[str] = ()) -> None:
        # Zeros from the beginning: what appears with its first failure would not be seen to rise.
        kinds = [*((None, state) for state in RUN_ENDS), *((name, state) for name in actions for state in TASK_ENDS)]
        self._ended: dict[tuple[str | None, str], Histogram] = {kind: Histogram(LONG) for kind in kinds}
        self._hops = Histogram(SHORT)
        self._commits = Histogram(SHORT)
        self._requests = Histogram(REQUESTS)
        self.ended_runs = self.failed_runs = 0

    def committed(self, seconds: float, requests: int) -> None:
        """One transaction with `requests` in it is durable; that took `seconds`, deciding not counted."""
        self._commits.add(seconds)
        self._requests.add(requests)

    def happened(self, ended: Iterable[Ended], hops: Iterable[float]) -> None:
        """What was in it."""
        for node, state, seconds in ended:
            found = self._ended.get((node, state))
            if found is None:
                found = self._ended[node, state] = Histogram(LONG)
            found.add(seconds or 0.0)
            if node is None:
                self.ended_runs += 1
                self.failed_runs += state == "failed"
        for seconds in hops:
            self._hops.add(seconds)

    def shown(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "runs": [{"state": state, **each.shown()} for (node, state), each in self._ended.items() if node is None],
            "tasks": [
                {"node": node, "state": state, **each.shown()}
                for (node, state), each in self._ended.items()
                if node is not None
            ],
            "hops": self._hops.shown(),
            "commits": self._commits.shown(),
            "requests": self._requests.shown(),
        }
