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
from anacostia_daemon.supervisor.log import report
from anacostia_daemon.supervisor.watched import Watched
from node_sdk.wire import link as said
from node_sdk.wire import loader as wire

if TYPE_CHECKING:
    from anacostia_daemon.supervisor.pipeline import Pipeline

LOADER_SILENCE = 5.0  # seconds in which a loader must tell how a child of its ended that is seen to be gone


class Hearing:
    """Of one pipeline; owner of its loader's keeper."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._note = ""
        # Others who want to know: the questions of people, and the reconciliation at the daemon's start.
        self.answered: Callable[[wire.QueryAnswer], None] = lambda answer: None
        self.lost: Callable[[str], None] = lambda message: None
        self.loader_known: Callable[[], None] = lambda: None

    def node_says(self, message: said.NodeMessage) -> None:
        """A message of a node of this pipeline."""
        if message.node not in self._pipeline.nodes:
            return
        match message:
            case said.Beat(_, node, incarnation, ready, work):
                self._pipeline.feed(node, Beat(incarnation, ready, work))
                self._pipeline.cancelling.heard(node)
            case said.LastWords(_, node, incarnation, kind, text, current):
                self._pipeline.feed(node, LastWords(incarnation, kind, text, current))

    def loader_up(self, loaded: wire.Loaded) -> None:
        """The loader is there: it has loaded the file, or lived on from an earlier daemon."""
        self._pipeline.changed = True
        if loaded.note and loaded.note != self._note:
            report(f"{self._pipeline.name}: {loaded.note}", "notice")
        self._note = loaded.note
        for child in loaded.children:
            self.found_child(child)
        differing = sorted(set(self._pipeline.nodes) ^ set(loaded.graph.by_name))
        if differing:
            report(
                f"{self._pipeline.name}: its file has changed: {', '.join(differing)} added or removed; "
                f"stop the pipeline and start it again to follow the file",
                "warning",
            )
        self.loader_known()

    def found_child(self, child: wire.ChildState) -> None:
        """The loader has, or had, this child."""
        node = self._pipeline.nodes.get(child.node)
        if node is None:
            return
        if child.exit_code is None and child.signal is None:
            self.adopt(child.node, child.incarnation, child.pid, child.started, self._pipeline.keeper.pid)
        else:
            node.died_unseen[child.incarnation] = Head(child.pid, child.started, unseen=True)
            self._ended(child.node, child.incarnation, child.exit_code, child.signal, "ended while no daemon watched")

    def adopt(self, name: str, incarnation: int, pid: int, started: float, loader: int | None) -> None:
        """A process of an earlier daemon lives on."""
        node = self._pipeline.nodes[name]
        ready_at = node.ready_before.get(incarnation)
        self._pipeline.feed(name, Found(incarnation, pid, started, ready_at is not None, ready_at))
        if node.state.incarnation == incarnation:
            self._watch(name, node, incarnation, pid, loader)

    def loader_says(self, message: wire.FromLoader) -> None:
        """A message of the loader."""
        match message:
            case wire.Spawned(name, incarnation, pid, started) if name in self._pipeline.nodes:
                node = self._pipeline.nodes[name]
                node.asked = 0
                if node.state.incarnation == incarnation:
                    # Watched first: what the core asks now (Terminate, said again) needs the handle.
                    self._watch(name, node, incarnation, pid, self._pipeline.keeper.pid)
                self._pipeline.feed(name, Spawned(incarnation, pid, started))
            case wire.SpawnFailed(name, incarnation, text) if name in self._pipeline.nodes:
                self._pipeline.nodes[name].asked = 0
                self._pipeline.feed(name, SpawnFailed(incarnation, text))
            case wire.Exited(name, incarnation, _, exit_code, number) if name in self._pipeline.nodes:
                self._ended(name, incarnation, exit_code, number, "")
            case wire.QueryAnswer():
                self.answered(message)

    def loader_lost(self, message: str, detail: str) -> None:
        """It died, hung up, or could not load the file. Its nodes live on; what it was asked for is not done."""
        report(f"{self._pipeline.name}: {message}" + (f"\n{detail}" if detail else ""), "error")
        self._pipeline.changed = True
        for name, node in self._pipeline.nodes.items():
            asked, node.asked = node.asked, 0
            if asked:
                self._pipeline.feed(name, SpawnFailed(asked, message))
            elif node.state.pid is not None and (node.handle is None or node.handle.gone):
                self._gone(name, node.state.incarnation)
        self.lost(message)
        self.loader_known()

    def _watch(self, name: str, node: Watched, incarnation: int, pid: int, loader: int | None) -> None:
        node.loader = loader
        self._pipeline.around.reaper.expect(pid)
        node.watch(pid, lambda: self._gone(name, incarnation))

    def _gone(self, name: str, incarnation: int) -> None:
        """The process has ended, as its handle tells. How, its parent knows."""
        node = self._pipeline.nodes[name]
        if node.state.incarnation != incarnation or node.state.reaped:
            return
        parent_lives = self._pipeline.keeper.phase == "up" and node.loader == self._pipeline.keeper.pid
        if parent_lives and node.unheard is None:
            loop = self._pipeline.around.loop
            node.unheard = loop.call_at(
                loop.now() + LOADER_SILENCE, lambda: self._pipeline.keeper.kill(f"it did not say how {name} ended")
            )
        elif not parent_lives:
            exit_code, number = self._pipeline.around.reaper.status(node.state.pid or 0)
            how = "" if exit_code is not None or number is not None else "ended while its loader was gone"
            node.unwatch()
            self._feed_exit(name, incarnation, exit_code, number, how)

    def _ended(self, name: str, incarnation: int, exit_code: int | None, number: int | None, how: str) -> None:
        node = self._pipeline.nodes[name]
        if node.state.incarnation == incarnation:
            node.unwatch()
            if node.state.pid is not None:
                self._pipeline.around.reaper.forget(node.state.pid)
        self._feed_exit(name, incarnation, exit_code, number, how)
        self._pipeline.changed = True
        self._pipeline.afterwards(lambda: self._pipeline.keeper.tell(wire.Forget(name, incarnation)))

    def _feed_exit(self, name: str, incarnation: int, exit_code: int | None, number: int | None, how: str) -> None:
        no_memory = number == signal.SIGKILL and self._pipeline.around.memory.happened()
        self._pipeline.feed(name, Exited(incarnation, exit_code, number, how, out_of_memory=no_memory))
