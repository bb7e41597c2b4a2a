"""What is heard of a pipeline's processes: from the nodes themselves, from the loader that is their parent, and from
the kernel through their handles. Each becomes an event for the core; nothing is decided here.

Who knows how a process ended is its parent: the loader while it lives, the daemon once orphans have fallen to it.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

from anacostia_daemon.core.events import Beat, Exited, Found, LastWords, Spawned, SpawnFailed
from anacostia_daemon.process.family import Head
from anacostia_daemon.supervisor.keeper import LoaderKeeper
from anacostia_daemon.supervisor.log import report
from anacostia_daemon.supervisor.watched import Watched
from node_sdk import pulse
from node_sdk.wire import link as said
from node_sdk.wire import loader as wire

if TYPE_CHECKING:
    from anacostia_daemon.supervisor.pipeline import Pipeline

LOADER_SILENCE = 5.0  # seconds in which a loader must tell how a child of its ended that is seen to be gone


class Ear:
    """What one loader says, and that it is the one who says it."""

    def __init__(self, hearing: Hearing, keeper: LoaderKeeper) -> None:
        self._hearing, self._keeper = hearing, keeper

    def loader_up(self, loaded: wire.Loaded) -> None:
        self._hearing.loader_up(self._keeper, loaded)

    def loader_says(self, message: wire.FromLoader) -> None:
        self._hearing.loader_says(self._keeper, message)

    def loader_lost(self, message: str, detail: str) -> None:
        self._hearing.loader_lost(self._keeper, message, detail)


class Hearing:
    """Of one pipeline."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._note = ""
        # Others who want to know: the questions of people.
        self.answered: Callable[[wire.QueryAnswer], None] = lambda answer: None
        self.lost: Callable[[str], None] = lambda message: None
        self.run_ended: Callable[[], None] = lambda: None
        self.run_failed: Callable[[], None] = lambda: None
        self.moved: Callable[[], None] = lambda: None  # a node does something else, or a store has other rows
        self._moves: dict[str, int] = {}  # what the beats of stores said last
        self._runs = (0, 0, 0)  # of which incarnation of the store; how many have ended, and of those failed

    def node_says(self, message: said.NodeMessage) -> None:
        """A message of a node of this pipeline."""
        if message.node not in self._pipeline.nodes:
            return
        match message:
            case said.Beat(_, node, incarnation, ready, work, ended_runs, failed_runs, moves, paused):
                if incarnation == self._pipeline.nodes[node].state.incarnation:
                    self._pipeline.nodes[node].said_paused = (incarnation, paused)
                if work != self._pipeline.nodes[node].state.work or moves != self._moves.get(node, 0):
                    self._moves[node] = moves
                    self.moved()
                self._pipeline.feed(node, Beat(incarnation, ready, work))
                self._count_runs(node, incarnation, ended_runs, failed_runs)
                self._pipeline.cancelling.heard(node)
            case said.LastWords(_, node, incarnation, kind, text, current):
                self._pipeline.feed(node, LastWords(incarnation, kind, text, current))

    def feel_pulses(self) -> None:
        """Take in the heartbeats that are no messages, of all nodes at once: so their deadlines come together, too."""
        home = self._pipeline.around.home
        for name, node in self._pipeline.nodes.items():
            state = node.state
            if state.phase not in ("starting", "ready"):
                continue
            seen = pulse.read(home.pulse(self._pipeline.name, name))
            if seen is not None and seen.incarnation == state.incarnation and seen.at > (state.beat_at or 0.0):
                self._pipeline.feed(name, Beat(seen.incarnation, seen.ready, state.work, seen.at))
                self._pipeline.cancelling.heard(name)

    def _count_runs(self, node: str, incarnation: int, ended: int, failed: int) -> None:
        """Tell who wants to know when runs have ended: the beats of a store carry the numbers so far."""
        if node != self._pipeline.graph.store.name or (incarnation, ended, failed) == self._runs:
            return
        before, self._runs = self._runs if self._runs[0] == incarnation else (0, 0, 0), (incarnation, ended, failed)
        if ended != before[1]:
            self.run_ended()
        if failed != before[2]:
            self.run_failed()

    def loader_up(self, keeper: LoaderKeeper, loaded: wire.Loaded) -> None:
        """A loader is there: it has loaded the file, or lived on from an earlier daemon."""
        self._pipeline.changed = True
        if loaded.note and loaded.note != self._note:
            report(f"{self._pipeline.name}: {loaded.note}", "notice")
        self._note = loaded.note
        for child in loaded.children:
            self._found_child(keeper, child)
        if keeper is self._pipeline.keeper:
            self._pipeline.following.compare(keeper, loaded)

    def _found_child(self, keeper: LoaderKeeper, child: wire.ChildState) -> None:
        """The loader has, or had, this child."""
        node = self._pipeline.nodes.get(child.node)
        if node is None:
            return
        if child.exit_code is None and child.signal is None:
            self.adopt(child.node, child.incarnation, child.pid, child.started, keeper.pid)
        else:
            node.died_unseen[child.incarnation] = Head(child.pid, child.started, unseen=True)
            how = "ended while no daemon watched"
            self._ended(keeper, child.node, child.incarnation, child.exit_code, child.signal, how)

    def adopt(self, name: str, incarnation: int, pid: int, started: float, loader: int | None) -> None:
        """A process of an earlier daemon lives on."""
        node = self._pipeline.nodes[name]
        ready_at = node.ready_before.get(incarnation)
        self._pipeline.feed(name, Found(incarnation, pid, started, ready_at is not None, ready_at))
        if node.state.incarnation == incarnation:
            self._watch(name, node, incarnation, pid, loader)
            if node.state.spec.kind == "action":
                self._pipeline.cancelling.doubt(name)

    def loader_says(self, keeper: LoaderKeeper, message: wire.FromLoader) -> None:
        """A message of a loader."""
        match message:
            case wire.Spawned(name, incarnation, pid, started) if name in self._pipeline.nodes:
                node = self._pipeline.nodes[name]
                node.asked = 0
                if node.state.incarnation == incarnation:
                    # Watched first: what the core asks now (Terminate, said again) needs the handle.
                    self._watch(name, node, incarnation, pid, keeper.pid)
                self._pipeline.feed(name, Spawned(incarnation, pid, started))
            case wire.SpawnFailed(name, incarnation, text) if name in self._pipeline.nodes:
                self._pipeline.nodes[name].asked = 0
                self._pipeline.feed(name, SpawnFailed(incarnation, text))
            case wire.Exited(name, incarnation, _, exit_code, number) if name in self._pipeline.nodes:
                self._ended(keeper, name, incarnation, exit_code, number, "")
            case wire.QueryAnswer():
                self.answered(message)

    def loader_lost(self, keeper: LoaderKeeper, message: str, detail: str) -> None:
        """It died, hung up, or could not load the file. Its nodes live on; what it was asked for is not done."""
        report(f"{self._pipeline.name}: {message}" + (f"\n{detail}" if detail else ""), "error")
        self._pipeline.changed = True
        if keeper is self._pipeline.keeper:
            self._pipeline.following.lost()
        for name, node in self._pipeline.nodes.items():
            if node.asked and node.asker is keeper:
                asked, node.asked = node.asked, 0
                self._pipeline.feed(name, SpawnFailed(asked, message))
            elif node.state.pid is not None and (node.handle is None or node.handle.gone):
                self._gone(name, node.state.incarnation)
        self.lost(message)

    def _watch(self, name: str, node: Watched, incarnation: int, pid: int, loader: int | None) -> None:
        node.loader = loader
        self._pipeline.around.reaper.expect(pid)
        node.watch(pid, lambda: self._gone(name, incarnation))

    def _gone(self, name: str, incarnation: int) -> None:
        """The process has ended, as its handle tells. How, its parent knows."""
        node = self._pipeline.nodes[name]
        if node.state.incarnation != incarnation or node.state.reaped:
            return
        parent = self._pipeline.loaders.parent(node.loader)
        if parent is not None and node.unheard is None:
            loop = self._pipeline.around.loop
            node.unheard = loop.call_at(
                loop.now() + LOADER_SILENCE, lambda: parent.kill(f"it did not say how {name} ended")
            )
        elif parent is None:
            exit_code, number = self._pipeline.around.reaper.status(node.state.pid or 0)
            how = "" if exit_code is not None or number is not None else "ended while its loader was gone"
            node.unwatch()
            self._feed_exit(name, incarnation, exit_code, number, how)

    def _ended(
        self, keeper: LoaderKeeper, name: str, incarnation: int, exit_code: int | None, number: int | None, how: str
    ) -> None:
        node = self._pipeline.nodes[name]
        if node.state.incarnation == incarnation:
            node.unwatch()
            if node.state.pid is not None:
                self._pipeline.around.reaper.forget(node.state.pid)
        self._feed_exit(name, incarnation, exit_code, number, how)
        self._pipeline.changed = True
        self._pipeline.afterwards(lambda: keeper.tell(wire.Forget(name, incarnation)))

    def _feed_exit(self, name: str, incarnation: int, exit_code: int | None, number: int | None, how: str) -> None:
        no_memory = number == signal.SIGKILL and self._pipeline.around.memory.happened()
        self._pipeline.feed(name, Exited(incarnation, exit_code, number, how, out_of_memory=no_memory))
