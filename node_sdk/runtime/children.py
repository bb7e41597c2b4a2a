"""The nodes that a loader has started: who lives, how the others ended. An end is kept until the daemon, this one or
the next, has written it down (law 6); one node never has two processes (law 7).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

from node_sdk.osprocess import facts
from node_sdk.runtime.launch import Launch
from node_sdk.runtime.starting import Starter
from node_sdk.wire.loader import ChildState


class StillAlive(Exception):
    """An older process of the node lives; the message says which."""


class Children:
    """The children of this process that are nodes."""

    def __init__(self, starter: Starter) -> None:
        self._starter = starter
        self._states: dict[tuple[str, int], ChildState] = {}

    def spawn(self, launch: Launch) -> ChildState:
        """Start the node; asked again for the same incarnation, only say what is known.

        Raises StillAlive where another incarnation lives, OSError where no process can be had.
        """
        key = (launch.node, launch.incarnation)
        if key in self._states:
            return self._states[key]
        for each in self._states.values():
            if each.node == launch.node and _lives(each):
                raise StillAlive(
                    f"cannot start incarnation {launch.incarnation} of node {launch.node!r}: "
                    f"incarnation {each.incarnation} still lives as process {each.pid}"
                )
        pid = self._starter.start(launch)
        found = facts(pid)
        assert found is not None, "a child of ours cannot vanish before we wait for it"
        state = ChildState(launch.node, launch.incarnation, pid, found.started)
        self._states[key] = state
        return state

    def reap(self) -> Iterator[ChildState]:
        """Wait for all that has ended; yields the nodes among it. Orphans that came to us are reaped in silence."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for key, state in self._states.items():
                if state.pid == pid and _lives(state):
                    code = os.waitstatus_to_exitcode(status)
                    ended = replace(state, exit_code=code) if code >= 0 else replace(state, signal=-code)
                    self._states[key] = ended
                    yield ended
                    break

    def forget(self, node: str, incarnation: int) -> None:
        """The daemon has written down that it ended."""
        state = self._states.get((node, incarnation))
        if state is not None and not _lives(state):
            del self._states[node, incarnation]

    def states(self) -> tuple[ChildState, ...]:
        """All that live, or ended and are not yet forgotten."""
        return tuple(self._states.values())

    @property
    def alive(self) -> bool:
        """Whether a node lives."""
        return any(map(_lives, self._states.values()))


def _lives(state: ChildState) -> bool:
    return state.exit_code is None and state.signal is None
