"""A hold on one process, child or not: a descriptor that is readable once it is gone, and signals that reach it or
nobody. Linux: pidfd. macOS: a kqueue of its own; signals go out only after the start time was compared.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import sys
from typing import Any

from anacostia_daemon.process.identity import TOLERANCE, is_alive, start_time
from node_sdk.osprocess import LINUX


class ProcessHandle:
    """Made by `hold`; close it when done."""

    def __init__(self, pid: int, started: float, fd: int, kqueue: Any = None) -> None:
        self.pid = pid
        self.started = started
        self.fd = fd
        self._kqueue = kqueue
        self._gone = False

    @property
    def gone(self) -> bool:
        """Whether the process has ended (reaped or not)."""
        if not self._gone and self.fd >= 0:
            self._gone = bool(self._kqueue.control(None, 1, 0)) if self._kqueue else _readable(self.fd)
        return self._gone

    def send(self, number: signal.Signals) -> bool:
        """Send a signal to the process alone; False where it is gone."""
        try:
            if sys.platform.startswith("linux"):
                signal.pidfd_send_signal(self.fd, number)
            elif is_alive(self.pid, self.started):
                os.kill(self.pid, number)
            else:
                return False
        except ProcessLookupError:
            return False
        return True

    def send_group(self, number: signal.Signals) -> bool:
        """Send a signal to its process group, where it leads one; to itself where not. False where it is gone."""
        if self.gone:
            return False
        try:
            if os.getpgid(self.pid) != self.pid:
                return self.send(number)
            # It has not ended, so its pid, and with it the group's number, cannot have passed to somebody else.
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return self.send(number)
        return True

    def close(self) -> None:
        """Let go; harmless when repeated."""
        fd, self.fd = self.fd, -1
        if self._kqueue is not None:
            self._kqueue.close()
        elif fd >= 0:
            with contextlib.suppress(OSError):
                os.close(fd)


def hold(pid: int, started: float | None = None) -> ProcessHandle | None:
    """A hold on the process that began at `started` as `pid` (None: on whoever is there); None where it is gone."""
    opened = _open_linux(pid) if LINUX else _open_kqueue(pid)
    if opened is None:
        return None
    fd, kqueue = opened
    now = start_time(pid)  # looked up after opening: the descriptor holds the process that is measured here
    handle = ProcessHandle(pid, now or 0.0, fd, kqueue)
    if now is None or handle.gone or (started is not None and abs(now - started) >= TOLERANCE):
        handle.close()
        return None
    return handle


def _readable(fd: int) -> bool:
    poll = select.poll()  # select() knows no descriptor above 1023
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))


def _open_linux(pid: int) -> tuple[int, None] | None:
    try:
        return os.pidfd_open(pid), None
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise  # out of descriptors does not mean that it is gone
        return None


def _open_kqueue(pid: int) -> tuple[int, Any] | None:
    kqueue_module: Any = select  # these names exist on BSD and macOS alone
    queue = kqueue_module.kqueue()
    event = kqueue_module.kevent(
        pid,
        filter=kqueue_module.KQ_FILTER_PROC,
        flags=kqueue_module.KQ_EV_ADD,
        fflags=kqueue_module.KQ_NOTE_EXIT,
    )
    try:
        queue.control([event], 0)
    except OSError:
        queue.close()
        return None
    return queue.fileno(), queue
