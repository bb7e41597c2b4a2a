"""CPU and memory of every node over time. One look at `status` now and then, often while somebody looks; what is kept
is bounded, and what is old is kept with fewer points."""

from __future__ import annotations

from collections import deque
from typing import Any

Fact = dict[str, Any]

OFTEN, SELDOM = 2.0, 15.0  # seconds between two looks: while somebody looks, else
KEPT = 1_800  # points of one node: an hour of close looks
_MOST_NODES = 5_000


class Usage:
    """What was seen. Not for several threads."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], deque[Fact]] = {}

    def see(self, status: Fact, at: str) -> None:
        """Remember what `status` said at the time `at`; forget nodes that are no more."""
        living = set()
        for pipeline in status["pipelines"]:
            for node in pipeline["nodes"]:
                key = (pipeline["name"], node["name"])
                living.add(key)
                if len(self._seen) >= _MOST_NODES and key not in self._seen:
                    continue
                self._seen.setdefault(key, deque(maxlen=KEPT)).append(
                    {
                        "at": at,
                        "cpu_percent": node["cpu_percent"],
                        "rss_bytes": node["rss_bytes"],
                        "incarnation": node["incarnation"],
                    }
                )
        for gone in self._seen.keys() - living:
            del self._seen[gone]

    def of(self, pipeline: str, node: str) -> list[Fact]:
        """The points of one node, oldest first."""
        return list(self._seen.get((pipeline, node), ()))
