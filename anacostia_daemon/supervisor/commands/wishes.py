"""Commands that change what is wanted of what is registered: stop, restart, pause, resume, remove.

The wish is in the journal before anything follows from it, and survives the daemon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anacostia_daemon.supervisor.commands.asking import (
    Arguments,
    CommandFailed,
    Target,
    find_loading,
    find_pipeline,
    find_target,
)
from anacostia_daemon.supervisor.commands.waiting import answer_when_at_rest, answer_when_heard, answer_when_ready
from anacostia_daemon.supervisor.writing import CannotWrite

if TYPE_CHECKING:
    from anacostia_daemon.control.server import Conversation
    from anacostia_daemon.supervisor.daemon import Daemon, Member


def stop(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    loading = find_loading(daemon, given.text("target"))
    if loading is not None:
        loading.stop("it was stopped while its file was loaded")
        try:
            daemon.listing.stopped(loading.name)
        except CannotWrite as error:
            raise CommandFailed(
                "failed", f"cannot {given.doing} pipeline '{loading.name}' for good: {error}"
            ) from error
        if loading.name not in daemon.members:
            conversation.result({"pipeline": loading.name, "nodes": []})
            return
    target = _target(daemon, given)
    pipeline = target.member.pipeline
    if target.whole:
        _abandon_reload(target.member)
        pipeline.want_all("down", f"stopped by {given.who}")
    else:
        pipeline.want(target.names[0], "down", f"stopped by {given.who}")
    if given.flag("wait", True):
        names = tuple(pipeline.nodes) if target.whole else target.names  # also those that a reload removes just now
        answer_when_at_rest(daemon, target.member, names, conversation, _result(target))
    else:
        conversation.result(_result(target))


def restart(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    target = _target(daemon, given)
    pipeline = target.member.pipeline
    if target.whole and pipeline.desired == "down":
        pipeline.want_all("up", f"started by {given.who}")
    elif pipeline.desired == "down":
        raise CommandFailed(
            "not-running",
            f"cannot restart {target.text}: the pipeline is stopped",
            f"`anacostiactl start {pipeline.name}` starts all of it",
        )
    before = {name: pipeline.nodes[name].state.incarnation for name in target.names}
    pipeline.restart(list(target.names), f"restarted by {given.who}")
    if given.flag("wait", True):
        doing = f"restart {target.text}"
        answer_when_ready(daemon, target.member, target.names, conversation, doing, _result(target), before)
    else:
        conversation.result(_result(target))


def pause(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    target = _target(daemon, given)
    pipeline = target.member.pipeline
    if _is_stopped(target):
        raise CommandFailed("not-running", f"cannot pause {target.text}: it is stopped")
    if target.whole:
        pipeline.want_all("paused", f"paused by {given.who}")
    else:
        pipeline.want(target.names[0], "paused", f"paused by {given.who}")
    _answer_when_heard(daemon, given, target, conversation, paused=True)


def resume(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    target = _target(daemon, given)
    pipeline = target.member.pipeline
    if _is_stopped(target):
        raise CommandFailed(
            "not-running",
            f"cannot resume {target.text}: it is stopped, not paused",
            f"`anacostiactl start {given.text('target')}`",
        )
    if not target.whole and pipeline.desired == "paused":
        raise CommandFailed(
            "not-running",
            f"cannot resume {target.text}: the whole pipeline is paused",
            f"`anacostiactl resume {pipeline.name}`",
        )
    if target.whole:
        pipeline.desired = "up"
    pipeline.resume(list(target.names), f"resumed by {given.who}")
    _answer_when_heard(daemon, given, target, conversation, paused=False)


def _answer_when_heard(
    daemon: Daemon, given: Arguments, target: Target, conversation: Conversation, *, paused: bool
) -> None:
    if given.flag("wait", True):
        answer_when_heard(daemon, target.member, target.names, conversation, _result(target), paused=paused)
    else:
        conversation.result(_result(target))


def remove(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    """Stop and forget. Goes on when the client leaves; the data stays."""
    member = find_pipeline(daemon, given.text("pipeline"), given.doing)
    pipeline = member.pipeline
    if pipeline.name in daemon.listing.pipelines:
        raise CommandFailed(
            "failed",
            f"cannot remove pipeline '{pipeline.name}': it is listed in {daemon.config.file}",
            f"take it out there and reload; or `anacostiactl stop {pipeline.name}`, which is remembered",
        )
    _abandon_reload(member)
    pipeline.want_all("down", f"removed by {given.who}")
    member.removing = True

    def look() -> bool:
        if daemon.members.get(pipeline.name) is member:
            return False
        conversation.result({"pipeline": pipeline.name, "data": str(daemon.home.data_dir / pipeline.name)})
        return True

    daemon.waiters.add(conversation, look)


def _abandon_reload(member: Member) -> None:
    if member.reload is not None:
        member.reload.cancel("the pipeline was stopped")


def _target(daemon: Daemon, given: Arguments) -> Target:
    target = find_target(daemon, given.text("target"), given.doing)
    if target.member.removing:
        raise CommandFailed("busy", f"cannot {given.doing} {target.text}: it is being removed")
    return target


def _is_stopped(target: Target) -> bool:
    pipeline = target.member.pipeline
    return pipeline.desired == "down" or (not target.whole and pipeline.nodes[target.names[0]].wanted == "down")


def _result(target: Target) -> dict[str, object]:
    return {"pipeline": target.member.pipeline.name, "nodes": list(target.names)}
