"""How much of what a ROUTER was given for each peer has not left yet: ZeroMQ bounds how many messages wait for one that
does not read, not how large they are together. Counts large ones only; the others its own bound is good for.
"""

from __future__ import annotations

from typing import Protocol

LARGE = 4096  # bytes
MOST = 32 * 2**20  # bytes that may wait for one peer


class Tracker(Protocol):
    """Says when ZeroMQ has let go of a message: it was written to the peer, or the peer is gone."""

    @property
    def done(self) -> bool: ...


class Unread:
    """Of each peer."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, list[tuple[int, Tracker]]] = {}

    def has_room(self, peer: bytes, size: int) -> bool:
        """Whether a message of `size` bytes may wait for `peer` as well. The first one always may."""
        self._let_go()
        waiting = self._waiting.get(peer, [])
        return not waiting or size + sum(each for each, _ in waiting) <= MOST

    def note(self, peer: bytes, size: int, tracker: Tracker) -> None:
        """A message was given to ZeroMQ."""
        self._waiting.setdefault(peer, []).append((size, tracker))

    def _let_go(self) -> None:
        for peer, waiting in list(self._waiting.items()):
            left = [(size, tracker) for size, tracker in waiting if not tracker.done]
            if left:
                self._waiting[peer] = left
            else:
                del self._waiting[peer]
