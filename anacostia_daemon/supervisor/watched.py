"""What the shell holds of one node beside its state: the handle of its process, its timer, the clearing of its family.

Turns a readable handle and a passed deadline into calls; decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from anacostia_daemon.core.events import Desired
from anacostia_daemon.core.node import NodeState
from anacostia_daemon.process import cgroup
from anacostia_daemon.process.family import Head, family
from anacostia_daemon.process.handle import ProcessHandle, hold
from anacostia_daemon.process.identity import TOLERANCE
from anacostia_daemon.process.marks import Mark
from anacostia_daemon.supervisor.clearing import Clearing
from anacostia_daemon.supervisor.keeper import LoaderKeeper
from anacostia_daemon.supervisor.loop import Handle, Loop

# A deadline that comes so late was slept through, and so were the beats that should have moved it.
_SLEPT = 1.0
_FAR = 5.0  # seconds; deadlines that are further away than that …
_TOGETHER = 0.5  # … come together with others, so late at most: many nodes then cost one turn of the loop


class Watched:
    """One node of a pipeline, as the shell holds it. `wanted` is what its journal says; `state.desired` may differ
    while the whole pipeline is wanted down."""

    def __init__(self, loop: Loop, state: NodeState, wanted: Desired, overdue: Callable[[], None]) -> None:
        self._loop, self._overdue = loop, overdue
        self.state = state
        self.wanted = wanted
        self.handle: ProcessHandle | None = None
        self.loader: int | None = None  # pid of the loader whose child its process is
        self.asked = 0  # the incarnation whose Spawn is not answered yet, and …
        self.asker: LoaderKeeper | None = None  # … whose loader it was given to
        self.shape = ""  # of its last incarnation (node_sdk.changes.shape); empty: not known
        self.renewed = ""  # the shape for which it was last told to make way
        self.unheard: Handle | None = None  # until when its loader may keep silent about its end
        self.ready_before: dict[int, float] = {}  # incarnation of an earlier daemon: when it got ready
        self.died_unseen: dict[int, Head] = {}  # incarnation of an earlier daemon: the process it was
        self.said_paused: tuple[int, bool | None] = (0, None)  # which incarnation has said so of itself (wire Beat)
        self._measured: float | None = None  # start time of its process, as we saw it ourselves
        self._clearing: Clearing | None = None
        self._timer: Handle | None = None
        self._timer_at = 0.0

    def heeds(self, paused: bool) -> bool:
        """Whether its process is known to be paused, or not to be; also where it has none that works, or an older one
        that does not say. The next is started so."""
        if self.state.phase == "starting":
            return self.state.told_paused is paused
        incarnation, said = self.said_paused
        return self.state.phase != "ready" or (incarnation == self.state.incarnation and said in (paused, None))

    def watch(self, pid: int, gone: Callable[[], None]) -> None:
        """Call `gone`, in a later turn, once this process has ended.

        The caller knows that `pid` is (or was a moment ago) the node: its parent, who has not reaped it, says so, or
        its start time was compared.
        """
        self.unwatch()
        self.handle = handle = hold(pid)
        self._measured = None if handle is None else handle.started
        if handle is None:
            self._loop.call_soon(gone)
            return

        def look() -> None:
            if handle.gone:
                self._loop.remove(handle.fd)
                gone()

        self._loop.add_reader(handle.fd, look)

    def unwatch(self) -> None:
        """The process is reaped, or no longer ours to watch."""
        if self.unheard is not None:
            self.unheard.cancel()
            self.unheard = None
        if self.handle is not None:
            self._loop.remove(self.handle.fd)
            self.handle.close()
            self.handle = None

    def gone(self, incarnation: int) -> None:
        """Nothing is left of it, nor of any before it."""
        self.unwatch()
        for known in (self.ready_before, self.died_unseen):
            for number in [each for each in known if each <= incarnation]:
                del known[number]

    def left_nobody(self, mark: Mark, among: Iterable[int]) -> bool:
        """Whether its family is gone, looking at the processes in `among` only."""
        if family(mark, *self._headed(mark), among):
            return False
        cgroup.remove(mark)
        return True

    def clear(self, mark: Mark, done: Callable[[], None]) -> None:
        """Kill what is left of its family, then call `done`."""
        if self._clearing is not None:
            self._clearing.cancel()
        self._clearing = Clearing(self._loop, mark, *self._headed(mark), done)

    def _headed(self, mark: Mark) -> tuple[Head | None, float]:
        """Its own process, and the time before which none of its family can have begun."""
        if self.state.pid is None:
            return self.died_unseen.get(mark.incarnation), 0.0
        measured = self._measured
        head = Head(self.state.pid, self.state.started if measured is None else measured)
        # No descendant is older than its ancestor.
        return head, 0.0 if measured is None else measured - TOLERANCE

    def arm(self) -> None:
        """Have the timer go off at the state's deadline. A deadline that moved away is looked at when the old one
        passes: a timer per heartbeat would only fill the loop with cancelled ones."""
        deadline = self.state.deadline
        if deadline is None or (self._timer is not None and self._timer_at <= deadline):
            return
        if self._timer is not None:
            self._timer.cancel()
        if deadline - self._loop.now() > _FAR:
            deadline = math.ceil(deadline / _TOGETHER) * _TOGETHER
        self._timer_at = deadline
        self._timer = self._loop.call_at(deadline, self._rang)

    def close(self) -> None:
        """Let go of everything; the process lives on."""
        self.unwatch()
        if self._clearing is not None:
            self._clearing.cancel()
        if self._timer is not None:
            self._timer.cancel()

    def _rang(self) -> None:
        self._timer = None
        deadline, now = self.state.deadline, self._loop.now()
        if deadline is None or deadline > now:
            self.arm()
        elif now - deadline > _SLEPT and now - self._timer_at > _SLEPT:
            self._timer_at = now + _SLEPT
            self._timer = self._loop.call_at(self._timer_at, self._rang)
        else:
            self._overdue()
            self.arm()
