"""A file that one process holds at a time, and that says which. The kernel lets go of it when that process ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from node_sdk.errors import StoreUnavailable


class FileLock:
    """Takes the lock at once or raises StoreUnavailable, naming who holds `what`.

    The file stays behind: were it removed, a third process could lock a new one beside the second's.
    """

    def __init__(self, path: Path, what: str) -> None:
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreUnavailable(f"cannot lock {what}: {error.strerror}: {path}") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._fd)
            raise StoreUnavailable(
                f"cannot open {what}: process {holder} has it open; stop that one, or give this pipeline another file"
            ) from None
        except OSError as error:
            os.close(self._fd)
            raise StoreUnavailable(f"cannot lock {what}: {error.strerror}: {path}") from error
        with contextlib.suppress(OSError):  # on a full disk nobody is told who holds it, but held it is
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._fd)
