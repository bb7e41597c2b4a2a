"""How one pipeline comes to be what its file says: a new graph is taken over at once, its processes follow in turn.

Each process has a shape (node_sdk.changes.shape), and one is wanted of it; who has another makes way. Nothing else is
remembered of a reload, so a daemon that comes back goes on with it (law 2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from anacostia_daemon.core.events import Exited, Renew, Respec, SetDesired, SpawnFailed
from anacostia_daemon.core.node import new_node
from anacostia_daemon.core.plan import to_renew
from anacostia_daemon.supervisor.keeper import LoaderKeeper
from node_sdk.changes import Changes, edits, refusal, shape
from node_sdk.graph import GraphSpec
from node_sdk.wire.loader import Loaded

if TYPE_CHECKING:
    from anacostia_daemon.supervisor.pipeline import Pipeline

REMOVED = "removed from the pipeline's file"
RELOADED = "its file was loaded again"
UNKNOWN = "unknown"  # the shape of a process that is another than it should be, in what its shape does not tell


class Following:
    """Of one pipeline."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.shapes = _shapes(pipeline.graph)  # what is wanted of each process
        self.foreign = Changes()  # how the file that the loader has read differs from the graph
        self.sources: tuple[str, ...] = ()  # files of the user's project that the loader has read
        # Writes a graph down and has it followed; False where that cannot be. Set by whoever has the journal.
        self.adopt: Callable[[LoaderKeeper, Loaded], bool] = lambda keeper, loaded: False

    def follow(self, graph: GraphSpec, keeper: LoaderKeeper, last: Mapping[str, int], found: Changes) -> None:
        """The file was loaded again, by the loader of `keeper`, and this graph is in the journal.

        `last`: the last incarnation number given to each node. `found`: what differs from how it was.
        """
        pipeline = self._pipeline
        unstarted = self.foreign
        pipeline.graph, self.shapes, self.foreign = graph, _shapes(graph), Changes()
        for name in found.changed:
            node = pipeline.nodes[name]
            if node.shape in ("", self.shapes[name]):  # not known, or what has changed is no part of a shape
                node.shape, node.renewed = UNKNOWN, ""
        for spec in graph.nodes:
            if spec.name not in pipeline.nodes:
                pipeline.add(new_node(spec, last[spec.name]))
            pipeline.feed(spec.name, Respec(spec))
            if spec.name in found.added:
                pipeline.feed(spec.name, SetDesired(pipeline.desired_of(spec.name), RELOADED))
            elif unstarted.of(spec.name) and pipeline.nodes[spec.name].state.at_rest:
                pipeline.feed(spec.name, Renew(RELOADED))  # as the file was in between, it could not be started
        for name in set(pipeline.nodes) - set(graph.by_name):
            pipeline.feed(name, SetDesired("down", REMOVED))
        self._take_over(keeper)
        pipeline.note("reload", str(found))

    def renew(self) -> None:
        """Whose process is another than the file says makes way, in its turn."""
        pipeline = self._pipeline
        shapes = {name: node.shape for name, node in pipeline.nodes.items()}
        for name in to_renew(pipeline.graph, pipeline.states, shapes, self.shapes):
            node = pipeline.nodes[name]
            if node.renewed != self.shapes[name]:
                node.renewed = self.shapes[name]
                pipeline.feed(name, Renew(RELOADED))

    def compare(self, keeper: LoaderKeeper, loaded: Loaded) -> None:
        """What this loader has read may not be what the nodes are to be: the file was edited since. While any of them
        runs they keep to the graph, and none is started as something else by accident. Where none does, after a reboot
        say, this is a start like any other: of the file as it is."""
        pipeline, self.sources = self._pipeline, loaded.sources
        found = edits(pipeline.graph, loaded.graph)
        if found and not self._any_lives() and not refusal(pipeline.graph, loaded.graph):
            self._call_off(keeper)
            if self.adopt(keeper, loaded):
                return
        self.foreign = found
        if not found:
            return
        why = f"`anacostiactl reload {pipeline.name}` takes that up; until then these nodes are not started again"
        pipeline.note("file-changed", f"{self.foreign}; {why}")
        for name, node in pipeline.nodes.items():
            if self.foreign.of(name) and keeper.withdraw(name, node.asked):
                asked, node.asked = node.asked, 0
                pipeline.feed(name, SpawnFailed(asked, self.obstacle(name)))

    def _any_lives(self) -> bool:
        """Whether a node has a process, or may have one."""
        return any(
            node.state.orphan or (node.state.pid is not None and not node.state.reaped)
            for node in self._pipeline.nodes.values()
        )

    def _call_off(self, keeper: LoaderKeeper) -> None:
        """What waits to be started comes again, as what it is to be then."""
        for name, node in self._pipeline.nodes.items():
            if keeper.withdraw(name, node.asked):
                asked, node.asked = node.asked, 0
                self._pipeline.feed(name, Exited(asked, None, None, "was not started yet", fault=False))

    def lost(self) -> None:
        """The loader is gone; the next one reads the file anew."""
        self.foreign = Changes()

    def obstacle(self, name: str) -> str:
        """Why a node cannot be started by the loader that there is; empty where it can."""
        if self._pipeline.keeper.phase != "up" or not self.foreign.of(name):
            return ""
        return (
            f"its file has changed since it was loaded ({self.foreign.of(name)}), and the loader that knew it as it "
            f"was is gone; `anacostiactl reload {self._pipeline.name}` takes up the changes"
        )

    def _take_over(self, keeper: LoaderKeeper) -> None:
        """The loader of `keeper` starts the nodes from now on."""
        before = self._pipeline.keeper
        if keeper is before:
            return
        self._pipeline.loaders.replace(keeper)
        for name, node in self._pipeline.nodes.items():
            # What a loader was to start that had not loaded its file yet is the new one's to start.
            if node.asked and node.asker is before and before.phase == "none":
                node.asker, node.shape = keeper, self.shapes.get(name, "")


def _shapes(graph: GraphSpec) -> dict[str, str]:
    return {name: shape(graph, name) for name in graph.by_name}
