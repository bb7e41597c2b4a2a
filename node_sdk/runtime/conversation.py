"""The loader's end of its talk with a daemon: frames over a unix stream that never blocks."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable

from node_sdk.wire.codec import decode, encode
from node_sdk.wire.frames import FrameReader, frame
from node_sdk.wire.loader import FromLoader, ToLoader


class Conversation:
    """One connection. `closed` once the daemon is gone; `closing` is called with the socket just before."""

    def __init__(
        self, connection: socket.socket, closing: Callable[[socket.socket], None] = lambda connection: None
    ) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.closing = closing
        self.closed = False
        self._reader = FrameReader()
        self._unsent = bytearray()

    @property
    def unsent(self) -> bool:
        """Whether to call `flush` when the connection is writable."""
        return bool(self._unsent) and not self.closed

    def send(self, message: FromLoader) -> None:
        """Send, now or as soon as the daemon reads."""
        if not self.closed:
            self._unsent += frame(encode(message))
            self.flush()

    def flush(self) -> None:
        """Send on, without waiting."""
        while self._unsent and not self.closed:
            try:
                sent = self.connection.send(self._unsent)
            except BlockingIOError:
                return
            except OSError:
                self.close()
                return
            del self._unsent[:sent]

    def receive(self) -> list[ToLoader]:
        """What the daemon has said. Raises BadMessage for garbage: then close."""
        try:
            data = self.connection.recv(65536)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self.close()
            return []
        return [decode(each, ToLoader) for each in self._reader.feed(data)]

    def wait(self) -> list[ToLoader]:
        """As `receive`, but waits until something is said or the daemon is gone."""
        while not self.closed:
            select.select([self.connection], [], [])
            messages = self.receive()
            if messages:
                return messages
        return []

    def close(self) -> None:
        """Hang up."""
        if not self.closed:
            self.closed = True
            self.closing(self.connection)
            self.connection.close()
