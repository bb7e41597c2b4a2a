"""Every command by name, and the words that its error messages begin with."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING

from anacostia_daemon.control.messages import ControlRequest
from anacostia_daemon.supervisor.commands import (
    about,
    configuring,
    figures,
    reading,
    reload,
    runs_by_hand,
    start,
    status,
    wishes,
)
from anacostia_daemon.supervisor.commands.asking import Arguments, CommandFailed

if TYPE_CHECKING:
    from anacostia_daemon.control.server import Conversation
    from anacostia_daemon.supervisor.daemon import Daemon

Command = Callable[["Daemon", Arguments, "Conversation"], None]

COMMANDS: dict[str, tuple[Command, str]] = {
    "artifacts": (reading.artifacts, "show artifacts of"),
    "cancel": (runs_by_hand.cancel, "cancel a run of"),
    "config": (configuring.config, "show the configuration"),
    "figures": (figures.figures, "show the figures"),
    "graph": (about.graph, "show the graph of"),
    "journal": (about.journal, "show the journal of"),
    "metrics": (reading.metrics, "show metrics of"),
    "panel": (reading.panel, "show the panel of"),
    "pause": (wishes.pause, "pause"),
    "release": (runs_by_hand.release, "release an artifact of"),
    "reload": (reload.reload, "reload"),
    "reload-config": (configuring.reload_config, "reload the configuration"),
    "remove": (wishes.remove, "remove"),
    "restart": (wishes.restart, "restart"),
    "resume": (wishes.resume, "resume"),
    "retry": (runs_by_hand.retry, "retry a run of"),
    "run": (reading.run, "show a run of"),
    "rows": (reading.rows, "read rows of"),
    "runs": (reading.runs, "show runs of"),
    "shutdown": (about.shutdown, "shut down"),
    "start": (start.start, "start"),
    "status": (status.status, "show the status of"),
    "stop": (wishes.stop, "stop"),
    "tag": (runs_by_hand.tag, "tag a run or an artifact of"),
    "trigger": (runs_by_hand.trigger, "trigger"),
    "version": (about.version, "show the version"),
}


READING = frozenset(
    ("artifacts", "config", "figures", "graph", "journal", "metrics", "rows", "run", "runs", "status", "version")
)  # change nothing


def asked_about(request: ControlRequest) -> list[str]:
    """What a request is about, in words that hold no secret."""
    return [str(value) for key in ("file", "pipeline", "target", "run_id") if (value := request.args.get(key))]


def perform(daemon: Daemon, request: ControlRequest, conversation: Conversation) -> None:
    """Do what is asked, or leave somebody who will; CommandFailed where it cannot be done."""
    known = COMMANDS.get(request.command)
    if known is None:
        near = difflib.get_close_matches(request.command, COMMANDS, n=1)
        raise CommandFailed(
            "invalid",
            f"cannot do {request.command!r}: no such command" + (f" (did you mean {near[0]!r}?)" if near else ""),
        )
    command, doing = known
    given = Arguments(doing, request.args)
    _ = given.who  # where that is nonsense, nothing is begun
    command(daemon, given, conversation)
