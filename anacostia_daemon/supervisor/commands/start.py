"""`start FILE`: load, register, start. `start PIPELINE[/NODE]`: start what was stopped. Both wait, if asked, until all
nodes are ready or one does not get so.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from anacostia_daemon.config.environment_file import BadEnvironmentFile, read_environment_file
from anacostia_daemon.config.listed import obstacles, of_another
from anacostia_daemon.supervisor.commands.asking import Arguments, CommandFailed, find_target
from anacostia_daemon.supervisor.commands.waiting import answer_when_ready
from anacostia_daemon.supervisor.enrolment import Enrolment
from anacostia_daemon.supervisor.keeper import Recipe
from anacostia_daemon.supervisor.listing import recipe_of
from node_sdk.errors import AnacostiaError
from node_sdk.names import check_name

if TYPE_CHECKING:
    from anacostia_daemon.control.server import Conversation
    from anacostia_daemon.supervisor.daemon import Daemon, Member


def start(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    if daemon.leaving:
        raise CommandFailed("busy", f"cannot {given.doing} anything: the daemon is shutting down")
    target = given.maybe_text("target")
    _check_listed(daemon, (target or "").partition("/")[0])
    listed = None if target in daemon.members else daemon.listing.recipe(target or "")
    if listed is not None:
        begin = partial(_start_file, daemon, given, conversation, listed)
    elif target is not None:
        find_target(daemon, target, given.doing)
        begin = partial(_start_target, daemon, given, conversation)
    else:
        begin = partial(_start_file, daemon, given, conversation, _as_listed(daemon, _recipe(given), conversation))

    told = False

    def look() -> bool:
        # Each look asks again what is registered: another start may have changed it while this one waited.
        nonlocal told
        try:
            begun = begin()
        except CommandFailed as error:
            conversation.error(error.code, str(error), error.hint)
            return True
        if not begun and not told:
            told = True
            conversation.progress("waiting for an earlier start or stop to be over")
        return begun

    daemon.waiters.add(conversation, look)


def _start_target(daemon: Daemon, given: Arguments, conversation: Conversation) -> bool:
    """Whether it is begun; else it has to wait for something to be over."""
    target = find_target(daemon, given.text("target"), given.doing)
    member, pipeline = target.member, target.member.pipeline
    if member.removing:
        raise CommandFailed("busy", f"cannot start {target.text}: it is being removed")
    if target.whole and member.asleep:
        # Nothing of it runs, so what the file says now is what shall run.
        recipe = daemon.listing.recipe(pipeline.name) or pipeline.keeper.recipe
        return _enrol(daemon, given, conversation, recipe, member)
    if target.whole:
        pipeline.want_all("up", f"started by {given.who}")
    elif pipeline.desired == "down":
        raise CommandFailed(
            "not-running",
            f"cannot start {target.text}: the pipeline is stopped",
            f"`anacostiactl start {pipeline.name}` starts all of it",
        )
    else:
        pipeline.want(target.names[0], "up", f"started by {given.who}")
    _started(daemon, given, conversation, member, target.names, f"anacostiactl stop {given.text('target')}")
    return True


def _start_file(daemon: Daemon, given: Arguments, conversation: Conversation, recipe: Recipe) -> bool:
    """Whether it is begun; else it has to wait for something to be over."""
    member = _registered(daemon, recipe)
    if member is None or member.asleep:
        return _enrol(daemon, given, conversation, recipe, member)
    pipeline = member.pipeline
    differences = _differences(recipe, pipeline.keeper.recipe)
    if pipeline.desired == "down" and differences:
        return False  # it is on its way down, and then loaded anew
    if differences:
        raise CommandFailed(
            "failed",
            f"cannot start {recipe.file}: pipeline '{pipeline.name}' runs already, with {differences}",
            f"`anacostiactl stop {pipeline.name}` first, then start it with the new ones",
        )
    runs = pipeline.desired != "down"
    if runs:
        follows = f"`anacostiactl reload {pipeline.name}` follows changes of its file"
        conversation.progress(f"pipeline '{pipeline.name}' runs already; {follows}")
    ends = f"anacostiactl stop {pipeline.name}"
    _started(daemon, given, conversation, member, tuple(pipeline.graph.by_name), ends, already=runs)
    return True


def _enrol(
    daemon: Daemon, given: Arguments, conversation: Conversation, recipe: Recipe, registered: Member | None
) -> bool:
    """Load the file, or join who loads it already. Whether that is begun."""

    def enrolled(member: Member) -> None:
        name = member.pipeline.name
        kept = registered is not None or name in daemon.listing.pipelines
        ends = f"anacostiactl {'stop' if kept else 'remove'} {name}"
        _started(daemon, given, conversation, member, tuple(member.pipeline.nodes), ends)

    def refused(message: str, detail: str) -> None:
        what = recipe.file if registered is None else f"pipeline '{registered.pipeline.name}'"
        conversation.error("failed", f"cannot start {what}: {message}" + (f"\n{detail}" if detail else ""))

    if daemon.leaving:
        raise CommandFailed("busy", f"cannot {given.doing} anything: the daemon is shutting down")
    # A loader that is on its way out still has the socket that the new one wants.
    if registered is not None and not registered.idle:
        return False
    if not all(each.over for each in daemon.departures):
        return False
    for enrolment in daemon.enrolments:
        if enrolment.recipe == recipe:
            conversation.progress(f"{recipe.file} is being loaded already; waiting for that")
            enrolment.join(enrolled, refused)
            return True
    if any(enrolment.may_give(recipe) for enrolment in daemon.enrolments):
        return False  # two loaders of one pipeline would be in each other's way
    conversation.progress(f"loading {recipe.file}")
    Enrolment(daemon, recipe, enrolled, refused, f"started by {given.who}")
    return True


def _started(
    daemon: Daemon,
    given: Arguments,
    conversation: Conversation,
    member: Member,
    names: tuple[str, ...],
    ends: str,
    already: bool = False,
) -> None:
    """`ends` is the command that ends what was begun here, for those whose nodes do not get ready."""
    pipeline = member.pipeline
    result: dict[str, object] = {
        "pipeline": pipeline.name,
        "nodes": list(pipeline.nodes),
        "home": str(daemon.home.path),
    }
    if already:
        result["already"] = True
    if given.flag("wait", True):
        doing = f"start pipeline '{pipeline.name}'"
        answer_when_ready(daemon, member, names, conversation, doing, result, ends=ends)
    else:
        conversation.result(result)


def _differences(wanted: Recipe, running: Recipe) -> str:
    """What it runs with instead of what is wanted now; empty where that is the same. The directory of whoever types
    is no difference, and values of the environment may be secrets."""
    found = []
    if wanted.argv != running.argv:
        found.append(f"arguments {shlex.join(running.argv)}" if running.argv else "no arguments")
    if (wanted.env, wanted.env_file) != (running.env, running.env_file):
        found.append("another --env or --env-file")
    if wanted.python != running.python:
        found.append(f"--python {running.python}")
    return " and ".join(found)


def _check_listed(daemon: Daemon, name: str) -> None:
    """What stands in the way of a listed pipeline does so whoever starts it."""
    listed, member = daemon.listing.pipelines.get(name), daemon.members.get(name)
    looks = obstacles if member is None or member.asleep else of_another  # what runs has been loaded already
    trouble = "; ".join(looks(listed)) if listed is not None else ""
    if trouble:
        raise CommandFailed(
            "failed", f"cannot start pipeline '{name}': {trouble}", f"it is listed so in {daemon.config.file}"
        )


def _as_listed(daemon: Daemon, recipe: Recipe, conversation: Conversation) -> Recipe:
    """A file that the configuration lists is started as it says. Who asks for something else is told so, for the next
    start of the daemon would not know of it."""
    listed = daemon.listing.of_file(recipe)
    if listed is None:
        return recipe
    _check_listed(daemon, listed.name)
    where = f"pipeline '{listed.name}' is listed in {daemon.config.file}"
    wanted = replace(recipe_of(listed), pipeline=listed.name)
    for what, asked, counts in (
        ("arguments", recipe.argv, wanted.argv),
        ("--env", recipe.env, wanted.env),
        ("--env-file", recipe.env_file, wanted.env_file),
    ):
        if asked and asked != counts:
            raise CommandFailed(
                "failed",
                f"cannot start {recipe.file} with other {what}: {where}",
                f"change them there; or `--name` starts the file once more, as another pipeline than '{listed.name}'",
            )
    conversation.progress(f"{where}, and starts as it says")
    return wanted


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
        env_file=_environment_file(given.maybe_text("env_file")),
        pipeline=name,
    )


def _environment_file(path: str | None) -> str | None:
    if path is not None:
        try:
            read_environment_file(Path(path))  # to say now what is wrong with it, not when it is loaded
        except BadEnvironmentFile as error:
            raise CommandFailed("invalid", str(error)) from None
    return path


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
