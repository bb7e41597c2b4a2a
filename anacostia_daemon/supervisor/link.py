"""The daemon's ZeroMQ socket, where every node says how it is, and hears whether to pause.

ZeroMQ's descriptor tells of changes only (edge-triggered), also of those that a send of ours brings to light; so
after each event and each send everything is read, until nothing is left. Garbage costs its sender the connection
(law 10): ZeroMQ cannot hang up on one peer of a ROUTER, so what else comes on that connection is thrown away unread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import zmq

from anacostia_daemon.supervisor.loop import Loop
from node_sdk.errors import AnacostiaError, BadMessage
from node_sdk.osprocess import welcome
from node_sdk.wire.codec import decode, encode
from node_sdk.wire.link import DaemonMessage, NodeMessage

MAX_LINK_MESSAGE = 1024 * 1024  # bytes; beats and last words are small
_PER_TURN = 1000  # messages read in one turn, so that no flood keeps the daemon from its other work
_MAX_BANNED = 10_000  # connections; the one that has been silent for the longest is forgotten first

NodeKey = tuple[str, str, int]  # pipeline, node, incarnation


class Link:
    """Gives each message of a node to `receive`. Only whom `may_run` knows can be told anything."""

    def __init__(
        self,
        loop: Loop,
        path: Path,
        receive: Callable[[NodeMessage], None],
        may_run: Callable[[str, str, int], bool],
    ) -> None:
        self._loop, self._receive, self._may_run = loop, receive, may_run
        self._context = zmq.Context(io_threads=1)
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_LINK_MESSAGE)
        for uid in welcome():
            with contextlib.suppress(zmq.ZMQError):  # a system that does not tell; the folder is closed too
                self._socket.setsockopt(zmq.IPC_FILTER_UID, uid)
        try:
            self._socket.bind(f"ipc://{path}")
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            raise AnacostiaError(f"cannot listen at {path}: {error.strerror}; is its directory yours?") from error
        path.chmod(0o600)  # a group may pass through its directory (control/door.py)
        self._fd = int(self._socket.getsockopt(zmq.FD))
        self._identities: dict[NodeKey, bytes] = {}
        self._banned: dict[bytes, None] = {}  # in the order in which they were last heard
        loop.add_reader(self._fd, self.drain)
        loop.call_soon(self.drain)  # what came between bind and add_reader makes no new edge

    def context(self) -> zmq.Context[zmq.Socket[bytes]]:
        """The one ZeroMQ context of the daemon: each has a thread of its own."""
        return self._context

    def tell(self, key: NodeKey, message: DaemonMessage) -> bool:
        """Send to a node that has said something; False where it has not, or is gone."""
        identity = self._identities.get(key)
        if identity is None:
            return False
        with contextlib.suppress(zmq.ZMQError):
            self._socket.send_multipart([identity, encode(message)], zmq.NOBLOCK)
        self._loop.call_soon(self.drain)
        return True

    def forget(self, key: NodeKey) -> None:
        """That incarnation is gone."""
        self._identities.pop(key, None)

    def drain(self) -> None:
        """Read everything that waits."""
        for _ in range(_PER_TURN):
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._take(frames)
        self._loop.call_soon(self.drain)

    def close(self) -> None:
        self._loop.remove(self._fd)
        self._context.destroy(linger=0)

    def _take(self, frames: list[bytes]) -> None:
        identity = frames[0]
        if identity in self._banned:
            self._ban(identity)
            return
        try:
            if len(frames) != 2:
                raise BadMessage(f"{len(frames) - 1} frames instead of one")
            message = decode(frames[1], NodeMessage)
        except BadMessage:
            self._ban(identity)
            return
        key = (message.pipeline, message.node, message.incarnation)
        if self._may_run(*key):  # else nothing would ever call `forget`
            self._identities[key] = identity
        self._receive(message)

    def _ban(self, identity: bytes) -> None:
        self._banned.pop(identity, None)
        self._banned[identity] = None
        if len(self._banned) > _MAX_BANNED:
            del self._banned[next(iter(self._banned))]
