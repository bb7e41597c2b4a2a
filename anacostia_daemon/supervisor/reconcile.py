"""What a daemon does first with a pipeline of its journal: find out which of its processes live on, adopt those, learn
how the others ended, kill what nobody knows. Only then anything is started (laws 2 and 7).

The loader is asked first, because it alone knows how its children ended; without one the process table must do.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable

from anacostia_daemon.core.events import Exited
from anacostia_daemon.process.handle import hold
from anacostia_daemon.process.identity import is_alive
from anacostia_daemon.process.marks import Mark, mark_of
from anacostia_daemon.supervisor.clearing import Clearing
from anacostia_daemon.supervisor.log import report
from anacostia_daemon.supervisor.loop import Loop
from anacostia_daemon.supervisor.pipeline import Pipeline
from node_sdk.osprocess import LINUX

UNWATCHED = "ended while no daemon watched"
NEVER_STARTED = "was not started before the daemon ended"


class Reconciliation:
    """Under way from construction on; `pipeline.settled` becomes true when it is over.

    `loader`: pid and start time from the journal, None where none is known. `processes`: pid and start time of each
    orphan whose pid the journal knows. `marks`: all of this home that were found alive.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        loader: tuple[int, float] | None,
        processes: dict[str, tuple[int, float]],
        marks: Iterable[Mark],
    ) -> None:
        self._pipeline, self._processes = pipeline, processes
        self._marks = [mark for mark in marks if mark.pipeline == pipeline.name]
        self._clearing: set[Mark] = set()
        pipeline.settled = False
        pipeline.hearing.loader_known = self._settle
        if pipeline.keeper.connect():
            return  # loader_up or loader_lost comes, and with it _settle
        if loader is not None:
            _kill_unreachable(*loader)
        pipeline.around.loop.call_soon(self._settle)

    def _settle(self) -> None:
        """What the loader knows is known."""
        self._pipeline.hearing.loader_known = lambda: None
        for name, node in self._pipeline.nodes.items():
            if node.state.orphan:
                self._look_for(name, node.state.incarnation)
        for mark in {each for each in self._marks if self._is_stray(each)}:
            report(
                f"{self._pipeline.name}/{mark.node}: killing what is left of incarnation {mark.incarnation}", "warning"
            )
            self._clearing.add(mark)
            clear_mark(self._pipeline.around.loop, mark, lambda mark=mark: self._cleared(mark))  # type: ignore[misc]
        self._cleared(None)

    def _look_for(self, name: str, incarnation: int) -> None:
        """No loader speaks for this one."""
        process = self._processes.get(name)
        if process is not None and self._lives(name, incarnation, *process):
            self._pipeline.hearing.adopt(name, incarnation, *process, None)
        elif process is not None:
            self._pipeline.feed(name, Exited(incarnation, None, None, UNWATCHED))
        else:
            self._pipeline.feed(name, Exited(incarnation, None, None, NEVER_STARTED, fault=False))

    def _lives(self, name: str, incarnation: int, pid: int, started: float) -> bool:
        """By its start time. Its mark alone would not do: whoever got its pid may be a child that it left behind."""
        if is_alive(pid, started):
            return True
        # Elsewhere start times may be wall times, which move when the clock is set.
        return not LINUX and mark_of(pid) == self._pipeline.mark(name, incarnation)

    def _is_stray(self, mark: Mark) -> bool:
        """Whether no node will see to this family: neither adopted nor about to be cleared as a dead one's."""
        node = self._pipeline.nodes.get(mark.node)
        return node is None or node.state.incarnation != mark.incarnation or node.state.at_rest

    def _cleared(self, mark: Mark | None) -> None:
        if mark is not None:
            self._clearing.discard(mark)
        if not self._clearing:
            self._pipeline.settled = True
            self._pipeline.changed = True


def clear_mark(loop: Loop, mark: Mark, done: Callable[[], None]) -> None:
    """Kill everything that carries `mark`, and its descendants."""
    Clearing(loop, mark, None, done)


def _kill_unreachable(pid: int, started: float) -> None:
    """A loader that lives but cannot be spoken to serves nobody; its nodes live on without it."""
    handle = hold(pid, started)
    if handle is not None:
        handle.send(signal.SIGKILL)
        handle.close()
