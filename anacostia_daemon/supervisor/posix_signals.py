"""POSIX signals as events of the loop: a handler does nothing, so that no signal interrupts a half-done change."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Callable, Mapping
from types import FrameType

from anacostia_daemon.supervisor.loop import Loop


class PosixSignals:
    """Calls `handlers[number]` on the loop. In the main thread only."""

    def __init__(self, loop: Loop, handlers: Mapping[signal.Signals, Callable[[], object]]) -> None:
        self._loop, self._handlers = loop, dict(handlers)
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in self._handlers:
            signal.signal(number, _nothing)
        loop.add_reader(self._reader.fileno(), self._read)

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        self._loop.remove(self._reader.fileno())
        self._reader.close()
        self._writer.close()

    def _read(self) -> None:
        arrived = b""
        with contextlib.suppress(BlockingIOError):
            arrived = self._reader.recv(4096)
        for number in sorted(set(arrived)):
            handler = self._handlers.get(signal.Signals(number))
            if handler is not None:
                handler()


def _nothing(number: int, frame: FrameType | None) -> None:
    pass
