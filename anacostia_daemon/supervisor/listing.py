"""The pipelines that the configuration lists, and what is done for them: who is new starts, who cannot is tried again.

The file says how a pipeline is run, the operator whether: what somebody stopped stays stopped, and nothing that runs is
touched because a file was edited. docs/configuration.md says the same in more words.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anacostia_daemon.config.configuration import Config
from anacostia_daemon.config.listed import Listed, obstacles, of_another
from anacostia_daemon.journal.journal import JournalError
from anacostia_daemon.supervisor.enrolment import Enrolment
from anacostia_daemon.supervisor.keeper import Recipe
from anacostia_daemon.supervisor.log import report
from anacostia_daemon.supervisor.loop import Handle

if TYPE_CHECKING:
    from anacostia_daemon.supervisor.daemon import Daemon, Member

FIRST_WAIT, LONGEST_WAIT = 5.0, 300.0  # seconds until one that could not be started is tried again; doubled each time
REASON = "listed in the configuration"


@dataclass
class _Pending:
    """One that is to start. Under way, or waiting for `timer`, or for something else to be over."""

    listed: Listed
    wait: float = FIRST_WAIT
    trouble: str = ""
    timer: Handle | None = None
    under_way: bool = False


class Listing:
    """Of one daemon. Nothing starts before `begin`."""

    def __init__(self, daemon: Daemon, config: Config) -> None:
        self._daemon = daemon
        self._pending: dict[str, _Pending] = {}
        self._stopped: set[str] = set()  # by a user, before the journal knew of them
        self.pipelines = dict(config.pipelines)

    def recipe(self, name: str) -> Recipe | None:
        """How the pipeline `name` is to be loaded from now on; None for one that is not listed."""
        found = self.pipelines.get(name)
        return None if found is None else recipe_of(found)

    def of_file(self, recipe: Recipe) -> Listed | None:
        """The pipeline that is listed with this file; None where none is, or several."""
        found = [
            each
            for each in self.pipelines.values()
            if (each.file, each.object) == (recipe.file, recipe.name) and recipe.pipeline in (None, each.name)
        ]
        return found[0] if len(found) == 1 else None

    def trouble(self, name: str) -> str:
        """Why a listed pipeline could not be started so far."""
        found = self._pending.get(name)
        if found is None:
            return "it was stopped while its file was loaded" if name in self._stopped else ""
        return found.trouble

    def replaces(self, name: str, recipe: Recipe) -> bool:
        """Whether a pipeline that was registered with `recipe` is listed with another one, and starts by itself; or
        for another user, and must not be started at all."""
        found = self.pipelines.get(name)
        if found is None:
            return False
        return (found.autostart and bool(differences(recipe_of(found), recipe))) or any(of_another(found))

    def stopped(self, name: str) -> None:
        """A user has stopped it while its file was loaded. Raises CannotWrite."""
        if name in self.pipelines and name not in self._daemon.members:
            self._forget(name)
            self._stopped.add(name)
            self._daemon.set_desired(name, "down")

    def begin(self) -> Iterator[str]:
        """The daemon has started, and taken up what was registered. Yields what is worth saying."""
        for name, listed in self.pipelines.items():
            yield from self._follow_one(name, listed, None)

    def follow(self, config: Config) -> Iterator[str]:
        """From now on it is as `config` lists. Yields what is worth saying."""
        before, self.pipelines = self.pipelines, dict(config.pipelines)
        for name in sorted(before.keys() - self.pipelines.keys()):
            self._forget(name)
            self._stopped.discard(name)
            if name in self._daemon.members:
                yield (
                    f"pipeline '{name}' is not listed any more; it stays registered as it is, and "
                    f"`anacostiactl remove {name}` forgets it"
                )
        for name, listed in self.pipelines.items():
            yield from self._follow_one(name, listed, before.get(name))

    def _follow_one(self, name: str, listed: Listed, before: Listed | None) -> Iterator[str]:
        member = self._daemon.members.get(name)
        if member is None:
            if listed.autostart and not self._is_stopped(name):
                trouble = "; ".join(obstacles(listed))
                yield f"pipeline '{name}' is listed" + (f", and waits: {trouble}" if trouble else ": starting it")
                self.start(listed)
            else:
                self._forget(name)
        elif before != listed:
            yield from (f"pipeline '{name}' runs, but {why}" for why in of_another(listed) if not member.asleep)
            what = differences(recipe_of(listed), member.pipeline.keeper.recipe)
            if what and member.pipeline.desired == "down":
                yield f"pipeline '{name}' is listed with {what} now; that counts when it is started"
            elif what:
                yield f"pipeline '{name}' is listed with {what} now; `anacostiactl reload {name}` has that count"

    def _is_stopped(self, name: str) -> bool:
        """Whether the journal has it as stopped, though it could not be taken up again."""
        if name in self._stopped:
            return True
        with contextlib.suppress(JournalError):
            row = self._daemon.journal.pipeline(name)
            return row is not None and row.desired == "down"
        return True  # until it can be read, better no start than one that nobody wants

    def start(self, listed: Listed) -> None:
        """Start it as soon as nothing is in its way."""
        self._forget(listed.name)
        self._pending[listed.name] = _Pending(listed)
        self._daemon.loop.call_soon(self.look)

    def look(self) -> None:
        """At the end of a turn: begin what can be begun."""
        for pending in list(self._pending.values()):
            if not (pending.under_way or pending.timer is not None or self._daemon.leaving):
                self._begin(pending)

    def _begin(self, pending: _Pending) -> None:
        daemon, recipe = self._daemon, recipe_of(pending.listed)
        if pending.listed.name in daemon.members:  # somebody was quicker
            self._forget(pending.listed.name)
            return
        if any(each.may_give(recipe) for each in daemon.enrolments) or not all(each.over for each in daemon.departures):
            return
        trouble = "; ".join(obstacles(pending.listed))
        if trouble:
            self._refused(pending, trouble, "")
            return
        try:
            rows = daemon.journal.nodes(pending.listed.name).values()
        except JournalError as error:
            self._refused(pending, f"cannot read the journal: {error}", "")
            return
        stopped = [row.name for row in rows if row.desired == "down"]
        pending.under_way = True
        Enrolment(
            daemon,
            recipe,
            lambda member: self._started(member, stopped),
            lambda message, detail: self._refused(pending, message, detail),
            REASON,
        )

    def _started(self, member: Member, stopped: list[str]) -> None:
        """It is registered, and nothing of it runs yet. What somebody had stopped of it stays stopped."""
        self._forget(member.pipeline.name)
        for name in stopped:
            if name in member.pipeline.nodes:
                member.pipeline.want(name, "down", "stopped by a user, before")

    def _refused(self, pending: _Pending, message: str, detail: str) -> None:
        if self._pending.get(pending.listed.name) is not pending:
            return
        pending.under_way = False
        if message != pending.trouble:  # the same once more is no news
            text = f"{pending.listed.name}: cannot start this listed pipeline: {message}"
            report(f"{text}\n{detail}" if detail else text, "warning")
            self._daemon.note(pending.listed.name, "not-started", message)
        pending.trouble = message
        pending.timer = self._daemon.loop.call_at(self._daemon.loop.now() + pending.wait, lambda: self._again(pending))
        pending.wait = min(2 * pending.wait, LONGEST_WAIT)

    def _again(self, pending: _Pending) -> None:
        pending.timer = None
        self.look()

    def _forget(self, name: str) -> None:
        pending = self._pending.pop(name, None)
        if pending is not None and pending.timer is not None:
            pending.timer.cancel()


def recipe_of(listed: Listed) -> Recipe:
    """How a listed pipeline is loaded."""
    return Recipe(
        file=listed.file,
        name=listed.object,
        argv=listed.args,
        cwd=listed.working_directory,
        python=listed.program,
        env=dict(listed.environment),
        env_file=listed.environment_file,
        nodes=listed.nodes,
        pipeline=listed.name,
    )


def differences(wanted: Recipe, running: Recipe, nodes: bool = True) -> str:
    """What differs, by its words in the configuration; empty where nothing does. No values: some are secrets. Without
    `nodes`, only what is of the whole pipeline."""
    pairs: dict[str, tuple[object, object]] = {
        "file": ((wanted.file, wanted.name), (running.file, running.name)),
        "args": (wanted.argv, running.argv),
        "interpreter": (wanted.python, running.python),
        "working_directory": (wanted.cwd, running.cwd),
        "environment": (dict(wanted.env), dict(running.env)),
        "environment_file": (wanted.env_file, running.env_file),
    }
    if nodes:
        pairs["settings of nodes"] = (plain(wanted.nodes), plain(running.nodes))
    found = [name for name, (one, other) in pairs.items() if one != other]
    return f"another {', '.join(found)}" if found else ""


def plain(nodes: object) -> object:
    """Settings as they come back from the journal."""
    if isinstance(nodes, dict):
        return {name: plain(value) for name, value in nodes.items()}
    return [plain(each) for each in nodes] if isinstance(nodes, (list, tuple)) else nodes
