"""Waits for the end of a process that is not our child: pidfd on Linux, kqueue on macOS. No polling."""

from __future__ import annotations

import os
import select
import sys
from types import TracebackType


class Gone:
    """Take hold of the process while it is surely there; `wait` then cannot be fooled by a new one of its number."""

    def __init__(self, pid: int) -> None:
        self._fd = -1
        self._gone = False
        try:
            self._fd = _descriptor(pid)
        except ProcessLookupError:
            self._gone = True

    def __enter__(self) -> Gone:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def wait(self, timeout: float | None = None) -> bool:
        """Whether the process has ended within `timeout` seconds (None: as long as it takes)."""
        if not self._gone:
            self._gone = bool(select.select([self._fd], [], [], timeout)[0])
        return self._gone


def _descriptor(pid: int) -> int:
    """Readable once the process has ended."""
    if sys.platform != "darwin":
        return os.pidfd_open(pid)
    queue = select.kqueue()
    try:
        queue.control([select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD, select.KQ_NOTE_EXIT)], 0)
        return os.dup(queue.fileno())
    finally:
        queue.close()
