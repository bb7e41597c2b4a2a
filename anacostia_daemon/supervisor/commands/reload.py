"""`reload PIPELINE`: load its file again, say what was touched, and wait, if asked, until that is as the file says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anacostia_daemon.config.listed import obstacles
from anacostia_daemon.supervisor.commands.asking import Arguments, CommandFailed, find_pipeline
from anacostia_daemon.supervisor.commands.waiting import answer_when_ready
from anacostia_daemon.supervisor.reloading import Reload
from node_sdk.changes import Changes

if TYPE_CHECKING:
    from anacostia_daemon.control.server import Conversation
    from anacostia_daemon.supervisor.daemon import Daemon, Member


def reload(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    member = find_pipeline(daemon, given.text("pipeline"), given.doing)
    _check(daemon, member, given.doing)
    told = False

    def look() -> bool:
        # One after the other: the file may have been edited since the one before read it.
        nonlocal told
        try:
            _check(daemon, member, given.doing)
        except CommandFailed as error:
            conversation.error(error.code, str(error), error.hint)
            return True
        if member.reload is not None or not member.pipeline.settled:
            if not told:
                told = True
                conversation.progress("waiting for an earlier reload to be over")
            return False
        _begin(daemon, member, given, conversation)
        return True

    daemon.waiters.add(conversation, look)


def _check(daemon: Daemon, member: Member, doing: str) -> None:
    name = member.pipeline.name
    words = f"cannot {doing} pipeline '{name}'"
    if daemon.leaving:
        raise CommandFailed("busy", f"{words}: the daemon is shutting down")
    if member.removing or daemon.members.get(name) is not member:
        raise CommandFailed("busy", f"{words}: it is being removed, or was registered anew")
    if member.pipeline.desired == "down":
        start = f"`anacostiactl start {name}` starts it from its file as it is then"
        raise CommandFailed("not-running", f"{words}: it is stopped", start)
    listed = daemon.listing.pipelines.get(name)
    trouble = "" if listed is None else "; ".join(obstacles(listed))
    if trouble:
        raise CommandFailed("failed", f"{words}: {trouble}", f"it is listed so in {daemon.config.file}")


def _begin(daemon: Daemon, member: Member, given: Arguments, conversation: Conversation) -> None:
    pipeline = member.pipeline
    doing = f"reload pipeline '{pipeline.name}'"
    before = {name: node.state.incarnation for name, node in pipeline.nodes.items()}

    def followed(found: Changes) -> None:
        touched = [name for name in pipeline.graph.by_name if name in found.added or name in found.changed]
        result = {
            "pipeline": pipeline.name,
            "added": list(found.added),
            "removed": list(found.removed),
            "changed": dict(found.changed),
            "unchanged": [name for name in pipeline.graph.by_name if name not in touched],
            "sources": list(pipeline.following.sources),
        }
        if not given.flag("wait", True):
            conversation.result(result)
            return
        conversation.progress(str(found))
        waited = [name for name in touched if pipeline.nodes[name].state.desired != "down"]
        answer_when_ready(
            daemon,
            member,
            tuple(waited),
            conversation,
            doing,
            result,
            {name: before.get(name, 0) for name in waited},
            over=lambda: not any(name in pipeline.nodes for name in found.removed),
        )

    def refused(message: str, detail: str) -> None:
        hint = "nothing has changed: the pipeline runs on as it was"
        conversation.error("failed", f"cannot {doing}: {message}" + (f"\n{detail}" if detail else ""), hint)

    recipe = daemon.listing.recipe(pipeline.name) or pipeline.keeper.recipe
    conversation.progress(f"loading {recipe.file} again")
    Reload(daemon, member, recipe, followed, refused)
