"""From a file to a registered pipeline that is wanted up: load it in its own loader, check what came, write it down,
start it. Who wants the same meanwhile joins. Until it is written down nothing else has changed; a file that cannot be
loaded leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from anacostia_daemon.paths import Home, check_socket_path
from anacostia_daemon.supervisor.keeper import LoaderKeeper, Recipe
from node_sdk.errors import AnacostiaError
from node_sdk.graph import GraphSpec
from node_sdk.names import check_name, script_name
from node_sdk.wire.loader import FromLoader, Loaded

if TYPE_CHECKING:
    from anacostia_daemon.supervisor.daemon import Daemon, Member

_TAIL = 30  # lines of a traceback that a person is shown


class Enrolment:
    """Under way from construction on; calls `enrolled` or `refused(message, detail)` in a later turn.

    It goes on when the client who began it leaves: a second start of the same file must find it, not compete with it.
    """

    def __init__(
        self,
        daemon: Daemon,
        recipe: Recipe,
        enrolled: Callable[[Member], None],
        refused: Callable[[str, str], None],
        reason: str = "started by a user",
    ) -> None:
        self._daemon = daemon
        self._reason = reason
        self._waiting = [(enrolled, refused)]
        self.recipe = recipe  # as it was asked for
        around = daemon.around
        self._keeper = LoaderKeeper(around.loop, around.home, around.reaper, recipe, around.settings)
        self._keeper.owner = self
        self._since = around.loop.now()
        daemon.enrolments.add(self)
        self._keeper.start()

    @property
    def name(self) -> str:
        """What the pipeline is called as far as one can tell before its file has said so: by default by its file."""
        return self.recipe.pipeline or script_name(self.recipe.file)

    @property
    def waits_for(self) -> str:
        """What it does, in words."""
        seconds = self._daemon.loop.now() - self._since
        return f"loading {self.recipe.file} for {seconds:.0f} s"

    @property
    def loader_pid(self) -> int | None:
        return self._keeper.pid

    def join(self, enrolled: Callable[[Member], None], refused: Callable[[str, str], None]) -> None:
        """Have somebody else hear the outcome too."""
        self._waiting.append((enrolled, refused))

    def may_give(self, recipe: Recipe) -> bool:
        """Whether the pipeline that `recipe` gives may be the one that is loaded here."""
        mine = self.recipe
        same_name = mine.pipeline is None or recipe.pipeline is None or mine.pipeline == recipe.pipeline
        return same_name and (mine.file, mine.name) == (recipe.file, recipe.name)

    def loader_up(self, loaded: Loaded) -> None:
        try:
            self._check(loaded.graph)
            recipe = replace(self._keeper.recipe, pipeline=loaded.graph.name)
            self._daemon.home.prepare_pipeline(loaded.graph.name)
            self._keeper.recipe = recipe
            member = self._daemon.register(loaded, self._keeper, self._reason)
        except (AnacostiaError, OSError) as error:
            self._leave()
            self._end(str(error), "")
            return
        self._daemon.enrolments.discard(self)
        for enrolled, _ in self._waiting:
            enrolled(member)

    def loader_says(self, message: FromLoader) -> None:
        """Nothing is asked of it before it is registered."""

    def loader_lost(self, message: str, detail: str) -> None:
        for name, member in self._daemon.members.items():
            # The loader found another one at its socket; whose pipeline that is, only we know.
            if str(self._daemon.home.loader_socket(name)) in message:
                message, detail = self._occupied(name, member), ""
        self._end(message, shortened(detail))

    def stop(self, why: str) -> None:
        """Somebody does not want it any more; whoever waits for it is told."""
        self._leave()
        self._end(why, "")

    def cancel(self) -> None:
        """The daemon ends; whatever the file is busy with, it does not wait for it."""
        self._keeper.kill("the daemon is shutting down")

    def _leave(self) -> None:
        leaving = self._keeper.quit()
        if leaving is not None:  # the next start waits for its end: both would want the same socket
            self._daemon.departures = [each for each in self._daemon.departures if not each.over] + [leaving]

    def _end(self, message: str, detail: str) -> None:
        self._daemon.enrolments.discard(self)
        for _, refused in self._waiting:
            refused(message, detail)

    def _check(self, graph: GraphSpec) -> None:
        daemon, recipe = self._daemon, self._keeper.recipe
        check_names(daemon.home, graph)
        if daemon.leaving:
            raise AnacostiaError("the daemon is shutting down")
        other = daemon.members.get(graph.name)
        if other is None:
            return
        if other.pipeline.keeper.recipe.file != recipe.file or not other.idle:
            raise AnacostiaError(self._occupied(graph.name, other))

    def _occupied(self, name: str, other: Member) -> str:
        file = other.pipeline.keeper.recipe.file
        if file == self.recipe.file:
            return f"pipeline '{name}' runs already; `anacostiactl stop {name}` first, then start it again"
        return (
            f"a pipeline '{name}' is registered already, from {file}; "
            f"`anacostiactl remove {name}` first, or give this one another name with --name"
        )


def check_names(home: Home, graph: GraphSpec) -> None:
    """Raise AnacostiaError where a name cannot be one, or makes the path of a socket too long."""
    check_name(graph.name, "pipeline")
    for node in graph.nodes:
        check_name(node.name, "node")
        check_socket_path(home.inbox(graph.name, node.name), f" of node '{node.name}'")
    check_socket_path(home.loader_socket(graph.name), f" of pipeline '{graph.name}'")


def shortened(detail: str) -> str:
    """The end of a traceback, which says most."""
    return "\n".join(detail.rstrip().splitlines()[-_TAIL:])
