"""The loader's end of its talk with a daemon: frames over a unix stream that never blocks."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable

from node_sdk.wire.codec import MAX_MESSAGE, decode, encode
from node_sdk.wire.frames import FrameReader, frame
from node_sdk.wire.loader import FromLoader, ToLoader

MAX_UNSENT = 2 * MAX_MESSAGE  # bytes kept for a daemon that does not read; the next one hears all that counts again
FIRST_WORD = 4096  # bytes of a frame from somebody who has not said yet that it is a daemon


class Conversation:
    """One connection. `closed` once the daemon is gone; `closing` is called with the socket just before.

    A stranger can say little until `trust` is called: there may be some of them, and each is listened to.
    """

    def __init__(
        self,
        connection: socket.socket,
        closing: Callable[[socket.socket], None] = lambda connection: None,
        *,
        stranger: bool = False,
    ) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.closing = closing
        self.closed = False
        self._reader = FrameReader(FIRST_WORD if stranger else MAX_MESSAGE)
        self._unsent = bytearray()

    @property
    def unsent(self) -> bool:
        """Whether to call `flush` when the connection is writable."""
        return bool(self._unsent) and not self.closed

    def trust(self) -> None:
        """It has said that it is the daemon."""
        self._reader.limit = MAX_MESSAGE

    def send(self, message: FromLoader, *, with_next: bool = False) -> None:
        """Send, now or as soon as the daemon reads; `with_next`: not before the next `flush`."""
        if not self.closed:
            self._unsent += frame(encode(message))
            if not with_next:
                self.flush()
        if len(self._unsent) > MAX_UNSENT:
            self.close()

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
            self._unsent.clear()
            self.closing(self.connection)
            self.connection.close()
