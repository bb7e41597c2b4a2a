"""Where a node is signalled, and a store is asked: a ROUTER at a path. Garbage costs its sender the connection."""

from __future__ import annotations

import contextlib
import logging
import os
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import zmq

from node_sdk.errors import AnacostiaError, BadMessage
from node_sdk.names import MAX_SOCKET_PATH
from node_sdk.osprocess import welcome
from node_sdk.runtime.channel import has_message
from node_sdk.runtime.unread import LARGE, Unread
from node_sdk.wire.codec import MAX_MESSAGE, Message, decode, encode

MOST_IGNORED = 10_000  # identities remembered as senders of garbage

_LOG = logging.getLogger("anacostia.runtime")

M = TypeVar("M", bound=Message)


class CannotBind(AnacostiaError):
    """The node's socket cannot be made; the message says what to change."""


class Inbox:
    """The socket at `path`; a stale file there is taken over."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], path: Path) -> None:
        self.path = path
        self._ignored: OrderedDict[bytes, None] = OrderedDict()
        length = len(os.fsencode(path))
        if length > MAX_SOCKET_PATH:
            raise CannotBind(
                f"cannot make the socket {path}: its path has {length} bytes, at most {MAX_SOCKET_PATH} are possible; "
                "set XDG_RUNTIME_DIR to a shorter folder, or give the pipeline or the node a shorter name"
            )
        self.socket = context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 500)  # what a store answered last should still leave
        self.socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)
        # Beyond it answers to one that does not read are dropped; it will ask again.
        self.socket.setsockopt(zmq.SNDHWM, 10_000)
        for uid in welcome():
            with contextlib.suppress(zmq.ZMQError):  # a system that does not tell; the folder is closed too
                self.socket.setsockopt(zmq.IPC_FILTER_UID, uid)
        self._unread = Unread()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.socket.bind(f"ipc://{path}")
        except (OSError, zmq.ZMQError) as error:
            self.socket.close(linger=0)
            raise CannotBind(
                f"cannot make the socket {path}: {error}; check that its folder exists, is yours and is writable"
            ) from error

    def receive(self, *expected: type[M], most: int = 10_000) -> Iterator[tuple[bytes, M]]:
        """(sender, message) for what is there now, up to `most`."""
        for _ in range(most):
            if not has_message(self.socket):
                return
            parts = self.socket.recv_multipart(zmq.DONTWAIT)
            sender = parts[0]
            if sender in self._ignored:
                continue
            try:
                if len(parts) != 2:
                    raise BadMessage(f"cannot read a message of {len(parts) - 1} frames: one is expected")
                message = decode(parts[1], *expected)
            except BadMessage as error:
                self._ignore(sender, error)
                continue
            yield sender, message

    def reply(self, sender: bytes, message: Message) -> None:
        """Answer `sender`; when it is gone, nothing happens (it asks again when it is back)."""
        data = encode(message)
        if len(data) < LARGE:
            self.socket.send_multipart((sender, data))
        elif self._unread.has_room(sender, len(data)):
            # Not copied, so that ZeroMQ tells when it has let go of the bytes.
            tracker: Any = self.socket.send_multipart((sender, data), copy=False, track=True)
            self._unread.note(sender, len(data), tracker)

    def close(self) -> None:
        """Let go of the socket; its file stays, for the next incarnation to take over."""
        self.socket.close(linger=0)

    def _ignore(self, sender: bytes, error: BadMessage) -> None:
        self._ignored[sender] = None
        if len(self._ignored) > MOST_IGNORED:
            self._ignored.popitem(last=False)
        _LOG.warning("not listening any more to a sender of garbage at %s: %s", self.path.name, error)
