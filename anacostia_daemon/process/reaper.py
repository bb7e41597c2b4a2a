"""Exit statuses of our children, those we started and those that fell to us when their parent died (subreaper).

Every child that ended is collected, so that no zombie stays; only statuses that somebody expects are kept.
"""

from __future__ import annotations

import os


class Reaper:
    """Call `reap` on SIGCHLD; ask `status` when a process is known to be gone."""

    def __init__(self) -> None:
        self._expected: set[int] = set()
        self._statuses: dict[int, int] = {}

    def expect(self, pid: int) -> None:
        """Keep the status of `pid`, should it ever be ours to collect."""
        self._statuses.pop(pid, None)
        self._expected.add(pid)

    def forget(self, pid: int) -> None:
        """How `pid` ended is known, or nobody will ask."""
        self._expected.discard(pid)
        self._statuses.pop(pid, None)

    def reap(self) -> None:
        """Collect every child that has ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self._expected:
                self._statuses[pid] = status

    def status(self, pid: int) -> tuple[int | None, int | None]:
        """(exit code, signal) of a process that is gone, one of them set; both None where it was not our child."""
        self.reap()
        self._expected.discard(pid)
        status = self._statuses.pop(pid, None)
        if status is None:
            return None, None
        code = os.waitstatus_to_exitcode(status)
        return (code, None) if code >= 0 else (None, -code)
