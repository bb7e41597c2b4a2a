"""The heartbeat of a node that has nothing to say: a moment in a file of 24 bytes beside its socket, which its process
writes and the daemon reads when the next one is due at the latest. It wakes nobody.

The moment is of the machine's monotonic clock, which all processes share. One process writes to a file.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from node_sdk.own_files import open_own

_SEEN = struct.Struct("<QQd")  # incarnation, whether it is ready, the moment


@dataclass(frozen=True, slots=True)
class Seen:
    """Incarnation `incarnation` was alive at `at`, and ready or not."""

    incarnation: int
    ready: bool
    at: float


class Pulse:
    """Of this process, which is `incarnation` of its node."""

    def __init__(self, path: Path, incarnation: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._incarnation, self._clock = path, incarnation, clock
        self._descriptor: int | None = None

    def beat(self, ready: bool) -> bool:
        """Write that the process is alive now; False where that cannot be: then it is to be said in another way."""
        try:
            if self._descriptor is not None and os.fstat(self._descriptor).st_nlink == 0:
                self.close()  # somebody removed it: what is written there nobody reads
            if self._descriptor is None:
                self._descriptor = open_own(self._path, os.O_WRONLY | os.O_CREAT)
            record = _SEEN.pack(self._incarnation, ready, self._clock())
            return os.pwrite(self._descriptor, record, 0) == _SEEN.size
        except OSError:  # the disk is full, the folder was taken away
            return False

    def close(self) -> None:
        """Let go of the file; the daemon removes it when nobody is left who may write to it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def read(path: str | os.PathLike[str]) -> Seen | None:
    """What the file at `path` says; None where there is none, or it says nothing yet."""
    try:
        descriptor = open_own(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        content = os.read(descriptor, _SEEN.size)
    finally:
        os.close(descriptor)
    if len(content) < _SEEN.size:
        return None
    incarnation, ready, at = _SEEN.unpack(content)
    return Seen(incarnation, bool(ready), at)
