"""The daemon's end of the control socket: who may connect, and how many. What is asked, `handle` knows.

The socket is for its owner (and root, and a group where one is named) twice over: by the modes of the file and its
directory, and by the peer's credentials, because a file's mode can be changed by mistake.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from pathlib import Path

from anacostia_daemon.control.connection import Cancellable, Connection, Conversation, Handler, Turns
from anacostia_daemon.control.door import open_to
from anacostia_daemon.control.messages import ControlError, ControlRequest, ErrorCode
from node_sdk.errors import AnacostiaError
from node_sdk.osprocess import allowed, peer_groups, peer_uid
from node_sdk.wire.codec import encode
from node_sdk.wire.frames import frame

__all__ = ["CannotListen", "ControlRequest", "ControlServer", "Conversation", "Handler"]

MAX_CONNECTIONS = 128
_BACKLOG = 64
_RETRY = 1.0  # seconds; when no descriptor is left, accepting again at once would spin


class CannotListen(AnacostiaError):
    """The control socket cannot be made; the message says why and what to do."""


class ControlServer:
    """Listens at `path` and gives each request to `handle(request, conversation)`, in the loop's thread. The members of
    `group` may ask, too; CannotOpen where they cannot get there."""

    def __init__(self, loop: Turns, path: str | os.PathLike[str], handle: Handler, group: str | None = None) -> None:
        self._loop, self._path, self._handle = loop, Path(path), handle
        self._connections: set[Connection] = set()
        self._later: Cancellable | None = None
        self._listener = listen(self._path)
        self._identity = _identity(self._path)
        self._named = group
        try:
            self._group = None if group is None else open_to(group, self._path)
        except BaseException:
            self._listener.close()
            self._path.unlink(missing_ok=True)
            raise
        loop.add_reader(self._listener.fileno(), self._accept)

    def open_again(self) -> None:
        """Let the group in as before: with each command of its unit systemd closes the directory of the sockets. Raises
        CannotOpen, OSError."""
        if self._named is not None:
            open_to(self._named, self._path)

    def close(self) -> None:
        """Stop listening, drop every client, take the socket's file away if it is still ours."""
        if self._later is not None:
            self._later.cancel()
        self._loop.remove(self._listener.fileno())
        self._listener.close()
        for connection in list(self._connections):
            connection.close()
        if _identity(self._path) == self._identity:
            self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError:
            self._loop.remove(self._listener.fileno())
            self._later = self._loop.call_at(self._loop.now() + _RETRY, self._accept_again)
            return
        sock.setblocking(False)
        try:
            uid = peer_uid(sock)
        except OSError as error:
            _turn_away(sock, "denied", f"cannot let you in: {error}")
            return
        if not (allowed(uid) or (self._group is not None and self._group in peer_groups(sock))):
            _turn_away(sock, "denied", f"cannot let you in: this daemon is user {os.geteuid()}'s, you are user {uid}")
        elif len(self._connections) >= MAX_CONNECTIONS and not self._make_room():
            _turn_away(sock, "busy", f"cannot let you in: {MAX_CONNECTIONS} clients wait for answers; try again")
        else:
            self._connections.add(Connection(self._loop, sock, uid, self._handle, self._connections.discard))

    def _make_room(self) -> bool:
        """Drop the client that has asked nothing for the longest: those who do ask must not wait for it."""
        quiet = {each: since for each in self._connections if (since := each.quiet_since) is not None}
        if quiet:
            min(quiet, key=quiet.__getitem__).close()
        return bool(quiet)

    def _accept_again(self) -> None:
        self._later = None
        self._loop.add_reader(self._listener.fileno(), self._accept)


def listen(path: Path) -> socket.socket:
    """A listening socket at `path`, mode 0600 in a directory of mode 0700; CannotListen where that cannot be.

    A socket that nobody answers at was left by a daemon that was killed, and is replaced.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _clear(path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mask = os.umask(0o177)  # from its first instant on, the file is ours alone
        try:
            sock.bind(os.fspath(path))
        finally:
            os.umask(mask)
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise CannotListen(
            f"cannot listen at {path}: {error.strerror or error}; set XDG_RUNTIME_DIR to a short path that is yours, "
            "on a disk of this machine"
        ) from error
    except CannotListen:
        sock.close()
        raise
    return sock


def _clear(path: Path) -> None:
    """Take away a stale socket at `path`."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise CannotListen(f"cannot listen at {path}: a file that is no socket is there; move it away")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass  # somebody is there and busy
    raise CannotListen(f"cannot listen at {path}: another daemon answers there; stop it with `anacostiactl shutdown`")


def _turn_away(sock: socket.socket, code: ErrorCode, message: str) -> None:
    """Say why, as far as the socket takes it at once, and close."""
    with contextlib.suppress(OSError):
        sock.send(frame(encode(ControlError(code, message))))
    sock.close()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
