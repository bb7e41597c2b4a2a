"""What of several sockets has something to read. Who is told so receives from those, and asks none of the others: to
ask a ZeroMQ socket costs system calls, and most have nothing most of the time.
"""

from __future__ import annotations

from typing import Any

import zmq

Ready = dict[Any, int]  # what is readable: sockets, and descriptors


class Ears:
    """Of one thread. What it waits for is nearly always the same as the last time."""

    def __init__(self) -> None:
        self._wanted: list[Any] = []
        self._poller = zmq.Poller()

    def listen(self, wanted: list[Any], wait: int | None) -> Ready:
        """What of `wanted` is readable, after `wait` milliseconds at most; None: for ever."""
        if wanted != self._wanted:
            self._wanted, self._poller = wanted, zmq.Poller()
            for each in wanted:
                self._poller.register(each, zmq.POLLIN)
        return dict(self._poller.poll(wait))
