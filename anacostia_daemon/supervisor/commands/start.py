"""`start FILE`: load, register, start. `start PIPELINE[/NODE]`: start what was stopped. Both wait, if asked, until all
nodes are ready or one does not get so.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from anacostia_daemon.supervisor.commands.asking import Arguments, CommandFailed, find_target
from anacostia_daemon.supervisor.commands.waiting import answer_when_ready
from anacostia_daemon.supervisor.enrolment import Enrolment
from anacostia_daemon.supervisor.keeper import Recipe
from node_sdk.errors import AnacostiaError
from node_sdk.names import check_name

if TYPE_CHECKING:
    from anacostia_daemon.control.server import Conversation
    from anacostia_daemon.supervisor.daemon import Daemon, Member

REASON = "started by a user"


def start(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    if daemon.leaving:
        raise CommandFailed("busy", f"cannot {given.doing} anything: the daemon is shutting down")
    if given.maybe_text("target") is not None:
        _start_target(daemon, given, conversation)
    else:
        _start_file(daemon, given, conversation)


def _start_target(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    target = find_target(daemon, given.text("target"), given.doing)
    member, pipeline = target.member, target.member.pipeline
    if member.removing:
        raise CommandFailed("busy", f"cannot start {target.text}: it is being removed")
    if target.whole and member.asleep:
        # Nothing of it runs, so what the file says now is what shall run.
        _enrol(daemon, given, conversation, pipeline.keeper.recipe, member)
        return
    if target.whole:
        pipeline.want_all("up", REASON)
    elif pipeline.desired == "down":
        raise CommandFailed(
            "not-running",
            f"cannot start {target.text}: the pipeline is stopped",
            f"`anacostiactl start {pipeline.name}` starts all of it",
        )
    else:
        pipeline.want(target.names[0], "up", REASON)
    _started(daemon, given, conversation, member, target.names)


def _start_file(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    recipe = _recipe(given)
    member = _registered(daemon, recipe)
    if member is not None and not member.asleep:
        conversation.progress(
            f"pipeline '{member.pipeline.name}' runs already; stop it and start it again to follow changes of its file"
        )
        member.pipeline.want_all("up", REASON)
        _started(daemon, given, conversation, member, tuple(member.pipeline.nodes))
        return
    _enrol(daemon, given, conversation, recipe, member)


def _enrol(
    daemon: Daemon, given: Arguments, conversation: Conversation, recipe: Recipe, registered: Member | None
) -> None:

    def enrolled(member: Member) -> None:
        _started(daemon, given, conversation, member, tuple(member.pipeline.nodes))

    def refused(message: str, detail: str) -> None:
        what = recipe.file if registered is None else f"pipeline '{registered.pipeline.name}'"
        conversation.error("failed", f"cannot start {what}: {message}" + (f"\n{detail}" if detail else ""))

    def begin() -> bool:
        # A loader that is on its way out still has the socket that the new one wants.
        if registered is not None and registered.asleep and not registered.idle:
            return False
        if not all(each.over for each in daemon.departures):
            return False
        conversation.progress(f"loading {recipe.file}")
        Enrolment(daemon, recipe, enrolled, refused)
        return True

    daemon.waiters.add(conversation, begin)


def _started(
    daemon: Daemon, given: Arguments, conversation: Conversation, member: Member, names: tuple[str, ...]
) -> None:
    pipeline = member.pipeline
    result = {"pipeline": pipeline.name, "nodes": list(pipeline.nodes), "home": str(daemon.home.path)}
    if given.flag("wait", True):
        answer_when_ready(daemon, member, names, conversation, f"start pipeline '{pipeline.name}'", result)
    else:
        conversation.result(result)


def _recipe(given: Arguments) -> Recipe:
    file = Path(given.text("file"))
    cwd = given.maybe_text("cwd") or str(file.parent)
    if not file.is_absolute():
        file = Path(cwd) / file
    if not file.is_file():
        raise CommandFailed("invalid", f"cannot start {file}: there is no such file")
    python = given.maybe_text("python") or sys.executable
    if shutil.which(python) is None:
        raise CommandFailed("invalid", f"cannot start {file}: {python} is no program that can be executed")
    name = given.maybe_text("name")
    try:
        if name is not None:
            check_name(name, "pipeline")
    except AnacostiaError as error:
        raise CommandFailed("invalid", str(error)) from None
    return Recipe(
        file=str(file),
        name=given.maybe_text("object"),
        argv=given.texts("argv"),
        cwd=cwd,
        python=python,
        env=given.texts_by_name("env"),
        pipeline=name,
    )


def _registered(daemon: Daemon, recipe: Recipe) -> Member | None:
    """The pipeline that this file was registered as, where that is one and beyond doubt."""
    found = [
        member
        for member in daemon.members.values()
        if member.pipeline.keeper.recipe.file == recipe.file
        and member.pipeline.keeper.recipe.name == recipe.name
        and recipe.pipeline in (None, member.pipeline.name)
        and not member.removing
    ]
    return found[0] if len(found) == 1 else None
