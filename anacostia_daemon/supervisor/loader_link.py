"""The daemon's end of one loader: its frames, and the news of its death. Starting and connecting, nothing decided."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from anacostia_daemon.paths import Home
from anacostia_daemon.process.handle import ProcessHandle, hold
from anacostia_daemon.process.marks import ROOM, VARIABLE
from anacostia_daemon.supervisor.loop import Handle, Loop
from node_sdk.errors import AnacostiaError, BadMessage
from node_sdk.osprocess import peer_pid
from node_sdk.own_files import open_own
from node_sdk.wire.codec import decode, encode
from node_sdk.wire.frames import FrameReader, frame
from node_sdk.wire.loader import Attend, FromLoader, ToLoader

_CHUNK = 64 * 1024
_DYING = 1.0  # seconds between the end of a loader's connection and its own

# Ours alone: systemd speaks to the daemon, not to what it starts.
_NOT_INHERITED = (
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
    "JOURNAL_STREAM",
    "ANACOSTIA_LAUNCH_FD",
)
_OURS = (VARIABLE, "ANACOSTIA_HOME")


class CannotReachLoader(AnacostiaError):
    """The loader cannot be started or connected to."""


class LoaderLink:
    """Gives each message to `receive`; calls `lost` once, when the loader is dead or has hung up."""

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        handle: ProcessHandle,
        receive: Callable[[FromLoader], None],
        lost: Callable[[str], None],
    ) -> None:
        self._loop, self._sock, self.handle = loop, sock, handle
        self._receive, self._lost = receive, lost
        self._frames, self._unsent, self._open = FrameReader(), bytearray(), True
        self._dying: Handle | None = None
        sock.setblocking(False)
        loop.add_reader(sock.fileno(), self._arrived)
        loop.add_reader(handle.fd, self._died)

    @property
    def pid(self) -> int:
        return self.handle.pid

    def send(self, message: ToLoader) -> None:
        """Send now or as soon as the loader reads; to a dead loader nothing is sent, `lost` tells."""
        if self._open:
            self._unsent += frame(encode(message))
            self._write()

    def hang_up(self) -> None:
        """End the connection and keep the handle; `lost` is not called any more."""
        if self._open:
            self._open = False
            if self._dying is not None:
                self._dying.cancel()
            self._loop.remove(self._sock.fileno())
            self._loop.remove(self.handle.fd)
            self._sock.close()

    def close(self) -> None:
        """Let go of the loader; it lives on."""
        self.hang_up()
        self.handle.close()

    def _arrived(self) -> None:
        self._read()

    def _read(self) -> bool:
        """Take what has arrived; whether there was anything."""
        try:
            data = self._sock.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            data = b""
        if not data:
            # It is ending as a rule; how it ended is known once it has.
            self._loop.remove(self._sock.fileno())
            patience = self._loop.now() + _DYING
            self._dying = self._loop.call_at(patience, lambda: self._end("it closed its connection"))
            return False
        try:
            messages = [decode(each, FromLoader) for each in self._frames.feed(data)]
        except BadMessage as error:
            self._end(f"it sent garbage: {error}")
            return False
        for message in messages:
            if self._open:
                self._receive(message)
        return self._open

    def _died(self) -> None:
        if self.handle.gone:
            self._loop.remove(self.handle.fd)
            while self._read():
                pass  # its last words
            self._end("it ended")

    def _end(self, why: str) -> None:
        if self._open:
            self.hang_up()
            self._lost(why)

    def _write(self) -> None:
        try:
            sent = self._sock.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            return  # it is gone; reading tells, and keeps what it said before
        del self._unsent[:sent]
        if self._unsent:
            self._loop.add_writer(self._sock.fileno(), self._write)
        else:
            self._loop.remove_writer(self._sock.fileno())


def start_loader(
    home: Home, python: str, declared: Mapping[str, str], log: Path
) -> tuple[socket.socket, ProcessHandle]:
    """A new loader and our end of its socket pair; CannotReachLoader where there is no starting it."""
    # First in the environment: the room into which each node process writes its own mark.
    environment = {VARIABLE: " " * ROOM, "ANACOSTIA_HOME": str(home.path)}
    for source in (os.environ, declared):
        environment |= {key: value for key, value in source.items() if key not in (*_NOT_INHERITED, *_OURS)}
    ours, theirs = socket.socketpair()
    try:
        with open(open_own(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab") as output:  # noqa: PTH123
            process = subprocess.Popen(
                [python, "-m", "node_sdk.runtime.loader", "--daemon-fd", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(theirs.fileno(),),
                cwd="/",  # `-m` puts the current directory first on the path: the user's files would shadow ours
                env=environment,
                start_new_session=True,
            )
    except (OSError, ValueError) as error:
        ours.close()
        raise CannotReachLoader(f"cannot start {python}: {getattr(error, 'strerror', None) or error}") from error
    finally:
        theirs.close()
    handle = hold(process.pid)
    process.returncode = 0  # the reaper collects it; Popen must not
    if handle is None:
        ours.close()
        raise CannotReachLoader(f"cannot start {python}: it ended at once; see {log}")
    return ours, handle


def connect_loader(path: Path) -> tuple[socket.socket, ProcessHandle]:
    """A connection to the loader that listens at `path`; CannotReachLoader where none does.

    Who it is, the kernel says: the journal may not have been written when the last daemon died.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.setblocking(False)  # a full queue of connections is an error, not a wait
    try:
        sock.connect(os.fspath(path))
        handle = hold(peer_pid(sock))
        sock.sendall(frame(encode(Attend())))
    except OSError as error:
        sock.close()
        raise CannotReachLoader(f"it does not listen at {path}: {error.strerror or error}") from error
    if handle is None:
        sock.close()
        raise CannotReachLoader("it has ended")
    return sock, handle
