"""Where later daemons find a loader: its socket, and the lock that lets only one loader of a pipeline have it. One that
is started beside another, by a reload, has a socket of its own: `loader@PID.sock`, which no node's name can be.

The lock is the kernel's (flock) and ends with its holder. To find out whether another loader is at work by connecting
to it would cost that one a connection, or more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from pathlib import Path

from node_sdk.names import MAX_SOCKET_PATH
from node_sdk.own_files import open_own
from node_sdk.runtime.load import CannotLoad
from node_sdk.wire.loader import Load


class Door:
    """The listening socket of pipeline `name`, ours until the process ends or `remove`. Raises CannotLoad."""

    def __init__(self, wanted: Load, name: str) -> None:
        own = f"loader@{os.getpid()}.sock" if wanted.beside else "loader.sock"
        self.path = Path(wanted.socket_dir) / name / own
        length = len(os.fsencode(self.path))
        if length > MAX_SOCKET_PATH:
            raise CannotLoad(
                f"cannot serve pipeline {name!r}: the path of its socket {self.path} has {length} bytes, at most "
                f"{MAX_SOCKET_PATH} are possible; set XDG_RUNTIME_DIR to a shorter folder, or give the pipeline a "
                "shorter name"
            )
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = _locked(self.path.with_suffix(".lock"))
            self.path.unlink(missing_ok=True)  # left behind by one that was killed
            self.listener.bind(str(self.path))
            self.listener.listen(8)
            self.listener.setblocking(False)
        except BlockingIOError:
            raise CannotLoad(
                f"cannot serve pipeline {name!r}: another loader of it is at work, at {self.path}"
            ) from None
        except OSError as error:
            raise CannotLoad(
                f"cannot serve pipeline {name!r}: cannot make its socket {self.path}: {error.strerror}"
            ) from error

    def close(self) -> None:
        """In a forked child: a node that kept the lock open would hold it when its loader is gone."""
        self.listener.close()
        os.close(self._lock)

    def remove(self) -> None:
        """The loader ends; leave nothing behind."""
        self.path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.path.with_suffix(".lock").unlink()


def _locked(path: Path) -> int:
    """A descriptor that holds the lock at `path`. BlockingIOError where another process holds it."""
    while True:
        lock = open_own(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with contextlib.suppress(FileNotFoundError):
                # Else it was its holder's to remove, and did so between our two calls.
                if os.path.samestat(os.fstat(lock), path.stat()):
                    return lock
        except OSError:
            os.close(lock)
            raise
        os.close(lock)
