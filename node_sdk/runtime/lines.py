"""The sockets of a node's process that lead to the same places whichever of the nodes it is: to the daemon and to the
metadata store. So a process that stands by can have them connected before it knows who it will be.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

import zmq

from node_sdk.runtime.channel import Channel
from node_sdk.wire.codec import MAX_MESSAGE


class Idle(threading.Thread):
    """A thread that may be there before there is anything for it to do."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def do(self, work: Callable[[], None]) -> None:
        """Do this, and end."""
        self._work.put(work)
        if self.ident is None:
            self.start()

    def run(self) -> None:
        self._work.get()()


class DaemonLine:
    """To the daemon at `endpoint`, for one `thread`. Its context is its own, so that ending it waits until last words
    have left, and no more. `monitor` has a message whenever a daemon has come."""

    def __init__(self, endpoint: str) -> None:
        self.thread = Idle("anacostia-heartbeat")
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        # Not `socket.linger = 0`: pyzmq looks that up in ways that make 200 pages of memory this process's own.
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, 10)  # while the daemon is away, a few beats wait and the others are dropped
        self.socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 50)
        self.socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
        self.monitor = self.socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self.socket.connect(endpoint)
        self.sockets = (self.socket, self.monitor)

    def close(self, farewell: float) -> None:
        """Send what waits to be sent, for `farewell` seconds at most, and let go."""
        self.socket.setsockopt(zmq.LINGER, int(farewell * 1000))
        self.socket.disable_monitor()
        self.monitor.close(linger=0)  # or the context waits for it
        self.socket.close()
        self.context.term()


class Lines:
    """`context` is for whatever else the process opens; `store` is the way to the metadata store's inbox."""

    def __init__(self, daemon: str, store: str) -> None:
        self.daemon = DaemonLine(daemon)
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.store = Channel(self.context, store)

    def warm(self) -> None:
        """Do now what otherwise waits for the first use: connect to the store, start the thread."""
        self.store.open()
        self.daemon.thread.start()
