"""How much of what a ROUTER was given for each peer has not left yet: ZeroMQ bounds how many messages wait for one that
does not read, not how large they are together. Counts large ones only; the others its own bound is good for.
"""

from __future__ import annotations

import time
from typing import Protocol

LARGE = 4096  # bytes
MOST = 64 * 2**20  # bytes that may wait for one peer
NEWS = 0.001  # seconds; ZeroMQ's word comes by a thread, which gets its turn when we pause


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
        if self._waits(peer, size):
            time.sleep(NEWS)
            return not self._waits(peer, size)
        return True

    def note(self, peer: bytes, size: int, tracker: Tracker) -> None:
        """A message was given to ZeroMQ."""
        self._waiting.setdefault(peer, []).append((size, tracker))

    def _waits(self, peer: bytes, size: int) -> bool:
        self._let_go()
        waiting = self._waiting.get(peer, [])
        return bool(waiting) and size + sum(each for each, _ in waiting) > MOST

    def _let_go(self) -> None:
        for peer, waiting in list(self._waiting.items()):
            left = [(size, tracker) for size, tracker in waiting if not tracker.done]
            if left:
                self._waiting[peer] = left
            else:
                del self._waiting[peer]
