"""A DEALER that repeats: what was sent stays outstanding until it is answered, and goes out again, in order.

One ZeroMQ socket here is one connection: ZeroMQ is told never to reconnect by itself, because after a silent
reconnection what is sent next would overtake what was lost with the old connection. Its monitor says when the
connection ends; then a new socket is opened and everything outstanding is sent again, the oldest first.
A channel with nothing outstanding opens nothing, so an idle pipeline costs nothing (law 8).

Not thread-safe: its owner holds the lock.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Container, Iterable
from typing import Any

import zmq

from node_sdk.wire.codec import MAX_MESSAGE

RETRY_FIRST = 0.005  # seconds until a failed connection is tried again, twice as long each time …
RETRY_MOST = 0.25  # … up to this
PATIENCE_FIRST = 5.0  # seconds without any answer until all is sent again on a new connection, doubled up to …
PATIENCE_MOST = 60.0

_MONITOR_NUMBERS = itertools.count()
_ENDED = zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED
_FAILED = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH
_EVENTS = zmq.EVENT_HANDSHAKE_SUCCEEDED | _ENDED | _FAILED
_POLLIN = int(zmq.POLLIN)


class Channel:
    """The way to one inbox."""

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.endpoint = endpoint
        self._context = context
        self._clock = clock
        self._outstanding: dict[int, bytes] = {}
        self.outstanding_bytes = 0  # how much waits for its answer
        self._socket: zmq.Socket[bytes] | None = None
        self._monitor: zmq.Socket[bytes] | None = None
        self._retry = RETRY_FIRST
        self._retry_at: float | None = None
        self._patience = PATIENCE_FIRST
        self._patient_until = 0.0

    @property
    def outstanding(self) -> int:
        """How many messages wait for their answer."""
        return len(self._outstanding)

    def open(self) -> None:
        """Connect now, and not only for the first message."""
        if self._socket is None:
            self._open()

    def send(self, seq: int, data: bytes) -> None:
        """Send `data`, and again as often as need be until `answered(seq)`. Never waits."""
        if not self._outstanding:
            self._patient_until = self._clock() + self._patience
        self._outstanding[seq] = data
        self.outstanding_bytes += len(data)
        if self._socket is not None:
            self._push(self._socket, data)
        elif self._retry_at is None:
            self._open()

    def answered(self, seq: int) -> None:
        """Message `seq` need not be repeated."""
        self.outstanding_bytes -= len(self._outstanding.pop(seq, b""))
        self._patience = PATIENCE_FIRST
        self._patient_until = self._clock() + self._patience

    def sources(self) -> Iterable[zmq.Socket[bytes]]:
        """Sockets to poll for reading; call `receive` when one is readable or `deadline` has come."""
        if self._socket is None or self._monitor is None:
            return ()
        return (self._socket, self._monitor)

    def deadline(self) -> float | None:
        """When `receive` wants to be called at the latest, on the clock given; None: only for a readable source."""
        if self._retry_at is not None:
            return self._retry_at
        return self._patient_until if self._outstanding else None

    def concerns(self, ready: Container[Any]) -> bool:
        """Whether `receive` has something to do: one of `sources` is in `ready`, or its time has come."""
        if self._socket in ready or self._monitor in ready:
            return True
        due = self.deadline()
        return due is not None and self._clock() >= due

    def receive(self, ready: Container[Any] | None = None) -> list[bytes]:
        """What has arrived; by `ready`, where it is known which of `sources` are readable. Also takes notice of lost
        connections and opens new ones when it is time."""
        # First: what still arrived on a connection that ended is read below, then it is left.
        ended = (ready is None or self._monitor in ready) and self._ended()
        messages = self._drain() if ready is None or self._socket in ready else []
        now = self._clock()
        if ended:
            self._shut()
            if self._outstanding:
                self._retry_at = now + self._retry
                self._retry = min(self._retry * 2, RETRY_MOST)
        elif self._retry_at is not None and now >= self._retry_at:
            self._retry_at = None
            if self._outstanding:
                self._open()
        elif self._socket is not None and self._outstanding and not messages and now >= self._patient_until:
            self._patience = min(self._patience * 2, PATIENCE_MOST)
            self._shut()
            self._open()
        return messages

    def close(self) -> None:
        """Let go of the connection and of all that is outstanding."""
        self._outstanding.clear()
        self.outstanding_bytes = 0
        self._retry_at = None
        self._shut()

    def _open(self) -> None:
        self._socket, self._monitor = _connect(self._context, self.endpoint)
        self._patient_until = self._clock() + self._patience
        for data in self._outstanding.values():
            if not self._push(self._socket, data):
                break

    @staticmethod
    def _push(socket: zmq.Socket[bytes], data: bytes) -> bool:
        """Whether ZeroMQ took it. It does not on a connection that has ended while its owner was busy elsewhere: the
        monitor has word of that, and all that is outstanding goes out again on the next connection."""
        try:
            socket.send(data, zmq.DONTWAIT)
        except zmq.Again:
            return False
        return True

    def _shut(self) -> None:
        if self._socket is not None:
            # First: ZeroMQ's thread waits for ever to tell a monitor that is gone, and nothing of the process's comes
            # or goes any more.
            self._socket.disable_monitor()
        for each in (self._socket, self._monitor):
            if each is not None:
                each.close(linger=0)
        self._socket = self._monitor = None

    def _drain(self) -> list[bytes]:
        messages: list[bytes] = []
        while self._socket is not None and has_message(self._socket):
            messages.append(self._socket.recv(zmq.DONTWAIT))
        return messages

    def _ended(self) -> bool:
        while self._monitor is not None and has_message(self._monitor):
            event = int.from_bytes(self._monitor.recv_multipart(zmq.DONTWAIT)[0][:2], "little")
            if event & (_ENDED | _FAILED):
                return True
            self._retry = RETRY_FIRST  # the handshake succeeded
        return False


def has_message(socket: zmq.Socket[bytes]) -> bool:
    """Whether there is something to receive. To try and catch zmq.Again costs ten times as much."""
    events: Any = socket.getsockopt(zmq.EVENTS)
    return bool(events & _POLLIN)


def milliseconds(seconds: float) -> int:
    """As `zmq.Poller.poll` wants it, rounded up: waking too early would be polling."""
    return max(0, math.ceil(seconds * 1000))


def _connect(context: zmq.Context[zmq.Socket[bytes]], endpoint: str) -> tuple[zmq.Socket[bytes], zmq.Socket[bytes]]:
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)  # not as attributes: see lines.py
    socket.setsockopt(zmq.SNDHWM, 0)  # its owner bounds what is outstanding
    socket.setsockopt(zmq.RCVHWM, 0)
    socket.setsockopt(zmq.RECONNECT_IVL, -1)
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)
    address = f"inproc://monitor-{next(_MONITOR_NUMBERS)}"
    socket.monitor(address, _EVENTS)
    monitor = context.socket(zmq.PAIR)
    monitor.setsockopt(zmq.LINGER, 0)
    monitor.connect(address)
    socket.connect(endpoint)
    return socket, monitor
