"""What speaks to the control socket, but for a plain `status` (glance.py). Light: most commands import it.

What can go wrong between a person and the daemon is told apart here, in words: not running, left over, not yours,
does not answer, ended in the middle.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from anacostia_daemon.control.messages import (
    ControlError,
    ControlProgress,
    ControlRequest,
    ControlResult,
    ErrorCode,
    ToClient,
)
from node_sdk.errors import AnacostiaError, BadMessage
from node_sdk.osprocess import peer_uid
from node_sdk.wire.codec import decode, encode
from node_sdk.wire.frames import FrameReader, frame

CONNECT_TIMEOUT = 5.0  # seconds; a daemon that accepts nobody for so long is stopped or stuck
_CHUNK = 64 * 1024


class HomePaths(Protocol):
    """What is needed of a daemon's home."""

    @property
    def path(self) -> Path: ...
    @property
    def log(self) -> Path: ...
    @property
    def control_socket(self) -> Path: ...


class ControlFailure(AnacostiaError):
    """A request to the daemon came to nothing. Base of the errors of this module."""


class DaemonNotRunning(ControlFailure):
    """No daemon runs for this home."""


class DaemonDenied(ControlFailure):
    """The daemon is another user's."""


class DaemonBusy(ControlFailure):
    """The daemon is there and does not answer in time."""


class DaemonLost(ControlFailure):
    """The daemon ended, or dropped us, before it answered."""


class ControlRefused(ControlFailure):
    """The daemon answered that it cannot; `code` says what kind of no, `hint` what to type instead."""

    def __init__(self, code: ErrorCode, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


class Client:
    """Speaks with the daemon of `home`. Connects at the first request, keeps the connection for the next."""

    def __init__(self, home: HomePaths) -> None:
        self._home = home
        self._sock: socket.socket | None = None
        self._frames = FrameReader()
        self._arrived: list[bytes] = []

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; what the daemon does for us goes on there."""
        if self._sock is not None:
            self._sock.close()
        self._sock = None
        self._frames = FrameReader()
        self._arrived = []

    def request(
        self,
        command: str,
        args: dict[str, Any] | None = None,
        on_progress: Callable[[str], None] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """The result of `command`. Waits at most `timeout` seconds for its next word (None: as long as it takes).

        Raises ControlRefused where the daemon says no, DaemonNotRunning, DaemonDenied, DaemonBusy or DaemonLost
        where there is no answer.
        """
        try:
            self._send(ControlRequest(command, args or {}), timeout)
            while True:
                message = self._receive(timeout)
                if isinstance(message, ControlResult):
                    return message.value
                if isinstance(message, ControlError):
                    raise _refusal(message)
                if isinstance(message, ControlProgress) and on_progress is not None:
                    on_progress(message.text)
        except ControlRefused:
            raise
        except BaseException:  # Ctrl-C too: the rest of this answer must not be taken for the next one's
            self.close()
            raise

    def _send(self, request: ControlRequest, timeout: float | None) -> None:
        data = frame(encode(request))
        if self._sock is None:
            self._sock = self._connect()
        self._sock.settimeout(timeout)
        try:
            self._sock.sendall(data)
        except TimeoutError:
            raise self._busy(timeout) from None
        except (BrokenPipeError, ConnectionResetError):
            pass  # turned away; why, waits to be read

    def _receive(self, timeout: float | None) -> ToClient:
        assert self._sock is not None
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._arrived:
            if deadline is not None:
                self._sock.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                data = self._sock.recv(_CHUNK)
            except TimeoutError:
                raise self._busy(timeout) from None
            except ConnectionResetError:
                data = b""
            if not data:
                raise DaemonLost(
                    f"cannot get an answer from the daemon of {self._home.path}: it ended the connection; "
                    f"look into {self._home.log}"
                )
            self._take(data)
        try:
            return decode(self._arrived.pop(0), ToClient)
        except BadMessage as error:
            raise self._not_a_daemon(error) from None

    def _take(self, data: bytes) -> None:
        try:
            self._arrived += self._frames.feed(data)
        except BadMessage as error:
            raise self._not_a_daemon(error) from None

    def _connect(self) -> socket.socket:
        path = self._home.control_socket
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Not settimeout: without blocking, a unix socket whose queue is full refuses at once, where a moment would do.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(CONNECT_TIMEOUT))
        try:
            sock.connect(os.fspath(path))
            self._check_whose(sock, path)
        except OSError as error:
            sock.close()
            raise self._unreachable(error, path) from None
        except DaemonDenied:
            sock.close()
            raise
        return sock

    def _check_whose(self, sock: socket.socket, path: Path) -> None:
        """Who listens in our daemon's place would be told our environment. Root may speak with the daemon of a user."""
        uid = peer_uid(sock)
        if uid in (0, os.geteuid()):
            return
        if uid == self._home.path.stat().st_uid and (os.geteuid() == 0 or _is_for_a_group_of_ours(path, uid)):
            return
        raise DaemonDenied(
            f"cannot trust who answers for {self._home.path}: at {path} listens user {uid}, whose home it is not; "
            "set XDG_RUNTIME_DIR to a directory of your own"
        )

    def _unreachable(self, error: OSError, path: Path) -> ControlFailure:
        place = f"cannot reach the daemon of {self._home.path}"
        way_out = "start it with `anacostiactl start FILE` or `anacostiad`"
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            return DaemonNotRunning(f"{place}: it is not running; {way_out}")
        if isinstance(error, ConnectionRefusedError):
            return DaemonNotRunning(f"{place}: it is not running and has left its socket behind; {way_out}")
        if isinstance(error, PermissionError):
            return DaemonDenied(f"{place}: {path} is another user's; work as that user, or name your own with --home")
        if isinstance(error, (TimeoutError, BlockingIOError)):
            return self._busy(CONNECT_TIMEOUT)
        return DaemonNotRunning(f"{place}: {path}: {error.strerror or error}; name another home with --home")

    def _busy(self, timeout: float | None) -> DaemonBusy:
        return DaemonBusy(
            f"cannot get an answer from the daemon of {self._home.path}: it said nothing for {timeout or 0:g} s; "
            f"it is busy or stopped: try again, or look into {self._home.log}"
        )

    def _not_a_daemon(self, error: BadMessage) -> ControlFailure:
        return ControlFailure(
            f"cannot understand the daemon of {self._home.path}: {error}; "
            "is it of another version? `anacostiactl shutdown --leave-nodes` and start it again"
        )


def _is_for_a_group_of_ours(path: Path, uid: int) -> bool:
    """Whether that user lets us in on purpose (control/door.py)."""
    found = path.stat()
    ours = found.st_gid in {os.getegid(), *os.getgroups()}
    return ours and found.st_uid == uid and found.st_mode & 0o060 == 0o060


def _timeval(seconds: float) -> bytes:
    return struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))


def _refusal(message: ControlError) -> ControlFailure:
    if message.code == "denied":
        return DaemonDenied(message.message)
    if message.code == "busy":
        return DaemonBusy(message.message)
    return ControlRefused(message.code, message.message, message.hint)
