"""One client of the control socket: bytes in, bytes out, one conversation at a time.

Nothing here waits, and nothing grows without a bound: not what a client sends, not what it does not read. Whoever
sends garbage, or never reads, loses this connection and nothing else happens.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from anacostia_daemon.control.messages import (
    MAX_REQUEST,
    ControlError,
    ControlProgress,
    ControlRequest,
    ControlResult,
    ErrorCode,
    ToClient,
)
from node_sdk.errors import BadMessage
from node_sdk.wire.codec import MAX_MESSAGE, decode, encode
from node_sdk.wire.frames import FrameReader, frame

MAX_WAITING = 16  # requests that a client may send ahead
MAX_UNSENT = MAX_MESSAGE + MAX_REQUEST  # bytes kept for a client that reads slowly: one answer, some progress
PATIENCE = 30.0  # seconds in which a client that has something to read reads nothing, then it is dropped
_CHUNK = 64 * 1024


class Cancellable(Protocol):
    def cancel(self) -> None: ...


class Turns(Protocol):
    """What is needed of the daemon's loop."""

    def now(self) -> float: ...
    def add_reader(self, fd: int, callback: Callable[[], None]) -> None: ...
    def add_writer(self, fd: int, callback: Callable[[], None]) -> None: ...
    def remove_writer(self, fd: int) -> None: ...
    def remove(self, fd: int) -> None: ...
    def call_at(self, when: float, callback: Callable[[], None]) -> Cancellable: ...


class Conversation:
    """One request being answered. Answer with any number of `progress`, then one `result` or `error`.

    `closed` once it was answered or the client has left; what is said after that goes nowhere, so that a command
    need not care. `uid` is the user who asks.
    """

    __slots__ = ("_connection", "closed", "uid")

    def __init__(self, connection: Connection, uid: int) -> None:
        self._connection = connection
        self.uid = uid
        self.closed = False

    def progress(self, text: str) -> None:
        """A line for the person who waits."""
        if not self.closed:
            self._connection.send(ControlProgress(text))

    def result(self, value: Any) -> None:
        """The request is done."""
        self._end(ControlResult(value))

    def error(self, code: ErrorCode, message: str, hint: str = "") -> None:
        """The request is not done."""
        self._end(ControlError(code, message, hint))

    def _end(self, answer: ToClient) -> None:
        if not self.closed:
            self.closed = True
            self._connection.answered(answer)


Handler = Callable[[ControlRequest, Conversation], None]


class Connection:
    """Reads requests, gives each to `handle` in turn, writes what comes back."""

    def __init__(
        self, loop: Turns, sock: socket.socket, uid: int, handle: Handler, gone: Callable[[Connection], None]
    ) -> None:
        self._loop, self._sock, self._uid, self._handle, self._gone = loop, sock, uid, handle, gone
        self._fd = sock.fileno()
        self._frames = FrameReader(MAX_REQUEST)
        self._waiting: deque[ControlRequest] = deque()
        self._conversation: Conversation | None = None
        self._advancing = False
        self._unsent = bytearray()
        self._stalled: Cancellable | None = None
        self._open = True
        self._quiet_since = loop.now()
        loop.add_reader(self._fd, self._read)

    @property
    def quiet_since(self) -> float | None:
        """When it came, or got its last answer, if it has asked nothing since that is whole; None while it waits."""
        return self._quiet_since if self._conversation is None and not self._waiting and not self._unsent else None

    def close(self) -> None:
        """Drop the client; its conversation learns of it by `closed`."""
        if not self._open:
            return
        self._open = False
        if self._conversation is not None:
            self._conversation.closed = True
        self._waiting.clear()
        self._patience(False)
        self._loop.remove(self._fd)
        self._sock.close()
        self._gone(self)

    def send(self, message: ToClient) -> None:
        """Queue `message` and write what the socket takes now."""
        if not self._open:
            return
        self._unsent += frame(_encoded(message))
        if len(self._unsent) > MAX_UNSENT:
            self.close()
        else:
            self._write()

    def answered(self, answer: ToClient) -> None:
        """The conversation has its last word; the next request may come."""
        self._conversation, self._quiet_since = None, self._loop.now()
        self.send(answer)
        self._advance()

    def _read(self) -> None:
        try:
            data = self._sock.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        try:
            for each in self._frames.feed(data):
                self._waiting.append(decode(each, ControlRequest))
            if len(self._waiting) > MAX_WAITING:
                raise BadMessage(f"cannot take more than {MAX_WAITING} requests at once")
        except BadMessage as error:
            self.send(ControlError("invalid", str(error)))
            self.close()
            return
        self._advance()

    def _advance(self) -> None:
        if self._advancing:  # a request answered at once comes back here; the loop below takes the next one
            return
        self._advancing = True
        try:
            while self._open and self._waiting and self._conversation is None:
                self._begin(self._waiting.popleft())
        finally:
            self._advancing = False

    def _begin(self, request: ControlRequest) -> None:
        self._conversation = conversation = Conversation(self, self._uid)
        try:
            self._handle(request, conversation)
        except Exception as error:
            conversation.error("failed", f"cannot do {request.command!r}: {type(error).__name__}: {error}")
            raise

    def _write(self) -> None:
        try:
            sent = self._sock.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self.close()
            return
        del self._unsent[:sent]
        if not self._unsent:
            self._loop.remove_writer(self._fd)
            self._patience(False)
            return
        self._loop.add_writer(self._fd, self._write)
        if sent or self._stalled is None:
            self._patience(True)

    def _patience(self, needed: bool) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
        self._stalled = self._loop.call_at(self._loop.now() + PATIENCE, self.close) if needed else None


def _encoded(message: ToClient) -> bytes:
    try:
        return encode(message)
    except BadMessage as error:
        return encode(ControlError("failed", f"cannot send the answer: {error}", "ask for less, with --limit"))
