"""How many runs are open, and how many artifacts of each resource are in each state, for who asks again and again.

Counting a million rows takes tens of milliseconds in which a store does nothing else. So an old answer is given again
until a hundred times as long has passed as it took to count: never more than a hundredth of the store's time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from node_sdk.metadata.board import Board
from node_sdk.metadata.schema import ARTIFACT_STATES

SHARE = 100  # how many times as long as a count took it is good for


class Counts:
    """`clock` gives monotonic seconds."""

    def __init__(self, board: Board, clock: Callable[[], float] = time.monotonic) -> None:
        self._board, self._clock = board, clock
        self._known: dict[tuple[str, str], tuple[int, float]] = {}  # the count, and until when it is good

    def shown(self) -> dict[str, Any]:
        """As plain values."""
        resources = [node.name for node in self._board.graph.nodes if node.kind == "resource"]
        return {
            "open_runs": len(self._board.runs),
            "artifacts": [
                {"resource": name, "state": state, "count": self._count(name, state)}
                for name in resources
                for state in ARTIFACT_STATES
            ],
        }

    def _count(self, resource: str, state: str) -> int:
        began = self._clock()
        known = self._known.get((resource, state))
        if known is not None and began < known[1]:
            return known[0]
        found = self._board.count_artifacts(resource, state)
        now = self._clock()
        self._known[resource, state] = (found, now + SHARE * (now - began))
        return found
