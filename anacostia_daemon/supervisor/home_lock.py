"""One daemon per home: the lock is the kernel's (flock), so it ends with its holder, however that ends. The pid in
the file is for people; a stale file is simply locked again.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shlex

from anacostia_daemon.paths import Home
from node_sdk.errors import AnacostiaError
from node_sdk.own_files import open_own

_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


class HomeHeld(AnacostiaError):
    """Another daemon holds this home."""


class CannotLock(AnacostiaError):
    """The file system of the home has no locks."""


class HomeLock:
    """Held from construction until `release` or the end of the process."""

    def __init__(self, home: Home) -> None:
        # Opened without inheritance: a loader that held the descriptor would hold the lock after our death.
        self._fd = open_own(home.lock, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            holder = (last_holder(home).split() or ["unknown"])[0]
            stop = f"anacostiactl --home {shlex.quote(str(home.path))} shutdown"
            raise HomeHeld(
                f"cannot start: a daemon (pid {holder}) already holds {home.path}; "
                f"use it, stop it with `{stop}`, or choose another home with --home"
            ) from None
        except OSError as error:
            os.close(self._fd)
            if error.errno not in _NO_LOCKS:
                raise
            raise CannotLock(
                f"cannot lock {home.lock}: {error.strerror}; its file system has no locks, and without one a second "
                "daemon could not be kept away; name a home on a local disk with ANACOSTIA_HOME"
            ) from error
        self.write()

    def write(self, state: str = "") -> None:
        """Leave word of who holds it, and how far that one is."""
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()} {state}".strip().encode() + b"\n", 0)

    def release(self) -> None:
        """Let the next daemon in. The file stays: removing it would let two daemons lock two files of one name."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, 0)
            os.close(self._fd)


def last_holder(home: Home) -> str:
    """What the last daemon wrote: nothing where it ended in order, else its pid, and 'stopping' once it was told to."""
    try:
        return home.lock.read_bytes()[:64].decode(errors="replace").strip()
    except OSError:
        return ""
