"""Sleeps until something changes in a directory: inotify where there is one, else a look now and then.

On Linux nothing polls. The other platforms have no call that reports appended bytes in all files of a directory, so
there a follower looks a few times a second, and only while somebody follows.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Iterable
from pathlib import Path

POLL = 0.2  # seconds between two looks, where there is no inotify

_MODIFY, _MOVED, _CREATE, _DELETE, _ONLYDIR = 0x2, 0xC0, 0x100, 0x200, 0x1000000
_FILES_MASK = _MODIFY | _MOVED | _CREATE | _DELETE | _ONLYDIR


class Watch:
    """`add` the directories before each look at their files, then `wait`: no change in between is missed."""

    def __init__(self) -> None:
        self._fd = -1
        if sys.platform == "linux":
            import ctypes

            self._libc = ctypes.CDLL(None, use_errno=True)
            # Where no further instance is allowed, this is -1 too, and we look now and then.
            self._fd = int(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))

    def add(self, directories: Iterable[Path]) -> None:
        """Watch these; what does not exist yet is skipped, what is watched already stays so."""
        if self._fd < 0:
            return
        for each in directories:
            self._libc.inotify_add_watch(self._fd, os.fsencode(each), _FILES_MASK)

    def wait(self, others: Iterable[int] = (), timeout: float | None = None) -> set[int]:
        """Return when something changed, or one of the descriptors `others` can be read: those that can."""
        others = list(others)
        if self._fd < 0:
            wait = POLL if timeout is None else min(POLL, timeout)
            return set(select.select(others, [], [], wait)[0])
        ready = set(select.select([self._fd, *others], [], [], timeout)[0])
        if self._fd in ready:
            with contextlib.suppress(BlockingIOError):
                while os.read(self._fd, 65536):
                    pass
        return ready - {self._fd}

    def close(self) -> None:
        """End watching."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
