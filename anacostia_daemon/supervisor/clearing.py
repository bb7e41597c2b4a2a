"""Clears the rest of a node's family: SIGKILL, round by round, until a look at the process table finds nobody.

Each round waits for the deaths that it caused on their handles; nothing sleeps, nothing is assumed dead (law 7).
"""

from __future__ import annotations

from collections.abc import Callable

from anacostia_daemon.process import cgroup
from anacostia_daemon.process.family import Head, family, kill
from anacostia_daemon.process.handle import ProcessHandle
from anacostia_daemon.process.marks import Mark
from anacostia_daemon.supervisor.loop import Loop

_ROUNDS_PER_TURN = 3  # a family that forks faster than it dies must not hold up the others


class Clearing:
    """Under way from construction on; calls `done` once, in a later turn."""

    def __init__(
        self,
        loop: Loop,
        mark: Mark,
        head: Head | None,
        none_before: float,
        done: Callable[[], None],
    ) -> None:
        self._loop, self._mark, self._done = loop, mark, done
        self._head, self._none_before = head, none_before
        self._dying: dict[int, ProcessHandle] = {}
        self._next = loop.call_soon(self._round)

    def cancel(self) -> None:
        """Stop looking; who was killed stays killed."""
        self._next.cancel()
        for handle in list(self._dying.values()):
            self._let_go(handle)

    def _round(self) -> None:
        for _ in range(_ROUNDS_PER_TURN):
            living = family(self._mark, self._head, self._none_before)
            if not living:
                cgroup.remove(self._mark)
                self._done()
                return
            cgroup.kill(self._mark)
            for handle in kill(living):
                if handle.gone:
                    handle.close()
                else:
                    self._dying[handle.fd] = handle
                    self._loop.add_reader(handle.fd, lambda each=handle: self._gone(each))  # type: ignore[misc]
            if self._dying:
                return
        self._next = self._loop.call_soon(self._round)

    def _gone(self, handle: ProcessHandle) -> None:
        if handle.gone:
            self._let_go(handle)
            if not self._dying:
                self._next = self._loop.call_soon(self._round)

    def _let_go(self, handle: ProcessHandle) -> None:
        self._dying.pop(handle.fd, None)
        self._loop.remove(handle.fd)
        handle.close()
