"""Loads the file of a running pipeline again, in a second loader beside the one that runs, and has the pipeline follow
what came. Until the new graph is in the journal nothing has changed; what cannot be loaded or followed leaves no trace.
From then on it is a wish like any other, and the next daemon goes on with it (law 2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from anacostia_daemon.supervisor.enrolment import check_names, shortened
from anacostia_daemon.supervisor.keeper import LoaderKeeper, Recipe
from anacostia_daemon.supervisor.listing import differences
from node_sdk.changes import Changes, changes, refusal
from node_sdk.errors import AnacostiaError
from node_sdk.graph import GraphSpec
from node_sdk.wire.loader import FromLoader, Loaded

if TYPE_CHECKING:
    from anacostia_daemon.supervisor.daemon import Daemon, Member


class Reload:
    """Under way from construction on; calls `followed(changes)` or `refused(message, detail)` in a later turn.

    It goes on when the client who began it leaves.
    """

    def __init__(
        self,
        daemon: Daemon,
        member: Member,
        recipe: Recipe,
        followed: Callable[[Changes], None],
        refused: Callable[[str, str], None],
    ) -> None:
        self._daemon, self._member = daemon, member
        self._followed, self._refused = followed, refused
        around = daemon.around
        self._keeper = LoaderKeeper(around.loop, around.home, around.reaper, recipe, around.settings)
        self._keeper.owner = self
        self._keeper.beside = lambda: True
        member.reload = self
        self._keeper.start()

    def cancel(self, why: str) -> None:
        """Whatever the file is busy with, nobody waits for it."""
        self._keeper.kill(why)

    def loader_up(self, loaded: Loaded) -> None:
        self._member.reload = None
        pipeline = self._member.pipeline
        try:
            self._check(pipeline.graph, loaded.graph)
            found = changes(pipeline.graph, loaded.graph)
            if not found and self._is_as_it_runs():
                self._dismiss()
            else:
                found = self._daemon.follow(self._member, loaded, self._keeper)
                pipeline.hearing.loader_up(self._keeper, loaded)
        except (AnacostiaError, OSError) as error:
            self._dismiss()
            self._refused(str(error), "")
            return
        self._followed(found)

    def loader_says(self, message: FromLoader) -> None:
        """Nothing is asked of it before the pipeline follows it."""

    def loader_lost(self, message: str, detail: str) -> None:
        self._member.reload = None
        self._refused(message, shortened(detail))

    def _check(self, old: GraphSpec, new: GraphSpec) -> None:
        if self._daemon.leaving:
            raise AnacostiaError("the daemon is shutting down")
        if self._member.removing or self._member.pipeline.desired == "down":
            raise AnacostiaError("it was stopped meanwhile")
        check_names(self._daemon.home, new)
        why = refusal(old, new)
        if why:
            raise AnacostiaError(why)

    def _is_as_it_runs(self) -> bool:
        """Whether the loader that there is would start each node as this one does."""
        pipeline = self._member.pipeline
        same = not differences(self._keeper.recipe, pipeline.keeper.recipe)
        return same and not pipeline.following.foreign and pipeline.keeper.phase == "up"

    def _dismiss(self) -> None:
        leaving = self._keeper.quit()
        if leaving is not None:
            self._daemon.departures = [each for each in self._daemon.departures if not each.over] + [leaving]
