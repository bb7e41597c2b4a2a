"""What a daemon does first with a pipeline of its journal: find out which of its processes live on, adopt those, learn
how the others ended, kill what nobody knows. Only then anything is started (laws 2 and 7).

The loaders are asked first (several, where a reload was under way or an older one still has nodes), because they alone
know how their children ended; without one the process table must do.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from anacostia_daemon.core.events import Exited
from anacostia_daemon.process.handle import hold
from anacostia_daemon.process.identity import is_alive
from anacostia_daemon.process.marks import Mark, mark_of
from anacostia_daemon.supervisor.clearing import Clearing
from anacostia_daemon.supervisor.keeper import LoaderKeeper
from anacostia_daemon.supervisor.log import report
from anacostia_daemon.supervisor.loop import Loop
from anacostia_daemon.supervisor.pipeline import Pipeline
from node_sdk.changes import changes
from node_sdk.graph import GraphSpec
from node_sdk.osprocess import LINUX
from node_sdk.wire.loader import FromLoader, Loaded

UNWATCHED = "ended while no daemon watched"
NEVER_STARTED = "was not started before the daemon ended"


class _Candidate:
    """A loader that lived on, until it is known what it is to the pipeline."""

    def __init__(self, keeper: LoaderKeeper, heard: Callable[[], None]) -> None:
        self.keeper, self._heard = keeper, heard
        self.loaded: Loaded | None = None
        self.silent = True
        self.said: list[FromLoader] = []  # since then
        keeper.owner = self

    def loader_up(self, loaded: Loaded) -> None:
        self.loaded, self.silent = loaded, False
        self._heard()

    def loader_says(self, message: FromLoader) -> None:
        self.said.append(message)

    def loader_lost(self, message: str, detail: str) -> None:
        report(f"a loader that lived on is lost: {message}")
        self.loaded, self.silent = None, False
        self._heard()

    def fits(self, graph: GraphSpec) -> bool:
        """Whether it has loaded what is wanted. Not only as far as the source goes: an older one may have read the same
        source and other values."""
        return self.loaded is not None and not changes(graph, self.loaded.graph)


class Reconciliation:
    """Under way from construction on; `pipeline.settled` becomes true when it is over.

    `loaders`: pid and start time of those in the journal. `processes`: pid and start time of each orphan whose pid the
    journal knows. `marks`: all of this home that were found alive.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        loaders: Iterable[tuple[int, float]],
        processes: dict[str, tuple[int, float]],
        marks: Iterable[Mark],
    ) -> None:
        self._pipeline, self._processes = pipeline, processes
        self._marks = [mark for mark in marks if mark.pipeline == pipeline.name]
        self._clearing: set[Mark] = set()
        self._over = False
        pipeline.settled = False
        pipeline.keeper.hold()
        self._candidates = [
            each for path in pipeline.around.home.loader_sockets(pipeline.name) if (each := self._at(path))
        ]
        reached = {each.keeper.pid for each in self._candidates}
        for pid, started in loaders:
            if pid not in reached:
                _kill_unreachable(pid, started)
        pipeline.around.loop.call_soon(self._hear)

    def _at(self, path: Path) -> _Candidate | None:
        around = self._pipeline.around
        keeper = LoaderKeeper(around.loop, around.home, around.reaper, self._pipeline.keeper.recipe, around.settings)
        if keeper.connect(path):
            return _Candidate(keeper, self._hear)
        number = path.stem.partition("@")[2]
        if number:
            around.home.sweep_up(self._pipeline.name, int(number))
        return None

    def _hear(self) -> None:
        """Once all have answered, what the loaders know is known."""
        if self._over or any(each.silent for each in self._candidates):
            return
        self._over = True
        self._take([each for each in self._candidates if each.fits(self._pipeline.graph)])
        for each in self._candidates:
            if each.loaded is not None:
                self._learn(each.keeper, each.loaded)
                for message in each.said:
                    self._pipeline.hearing.loader_says(each.keeper, message)
        self._settle()

    def _take(self, fitting: list[_Candidate]) -> None:
        """The loader that has loaded what is wanted goes on starting nodes; the others keep those that they have."""
        loaders, held = self._pipeline.loaders, self._pipeline.keeper
        chosen = max(fitting, key=lambda each: each.keeper.started or 0.0, default=None)
        for each in self._candidates:
            if each.loaded is not None and each is not chosen:
                loaders.keep(each.keeper)
        if chosen is not None:
            loaders.replace(chosen.keeper)
        else:
            held.release()

    def _learn(self, keeper: LoaderKeeper, loaded: Loaded) -> None:
        """Also what the nodes were that the pipeline has no more: how long such a one may take to stop, say."""
        for name, node in self._pipeline.nodes.items():
            if name not in self._pipeline.graph.by_name and name in loaded.graph.by_name:
                node.state = replace(node.state, spec=loaded.graph.by_name[name])
        self._pipeline.hearing.loader_up(keeper, loaded)

    def _settle(self) -> None:
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
    Clearing(loop, mark, None, 0.0, done)


def _kill_unreachable(pid: int, started: float) -> None:
    """A loader that lives but cannot be spoken to serves nobody; its nodes live on without it."""
    handle = hold(pid, started)
    if handle is not None:
        handle.send(signal.SIGKILL)
        handle.close()
