"""Commands that wait: each is a predicate, looked at after every turn. Nobody is blocked by one; a client that has
left is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Waiting(Protocol):
    """What is needed of a conversation."""

    closed: bool


class Waiters:
    """All commands that wait."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Waiting, Callable[[], bool]]] = []

    def add(self, conversation: Waiting, look: Callable[[], bool]) -> None:
        """Call `look` after each turn, this one too, until it says True (it has answered) or the client is gone."""
        self._waiting.append((conversation, look))

    def look(self) -> None:
        """Let each look once."""
        before, self._waiting = self._waiting, []
        still = [each for each in before if not each[0].closed and not each[1]()]
        self._waiting = still + self._waiting
