"""Commands about the daemon and what it has written down: version, shutdown, journal, graph."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING

from anacostia_daemon import __version__
from anacostia_daemon.supervisor.commands import shapes
from anacostia_daemon.supervisor.commands.asking import Arguments, find_pipeline, find_target
from anacostia_daemon.supervisor.commands.shapes import iso

if TYPE_CHECKING:
    from anacostia_daemon.control.server import Conversation
    from anacostia_daemon.supervisor.daemon import Daemon

_LINES = 100


def version(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    conversation.result({"version": __version__, "pid": os.getpid(), "python": platform.python_version()})


def shutdown(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    """Answered when the nodes are down; the daemon ends right after. With leave_nodes at once."""
    if given.flag("leave_nodes"):
        conversation.result(None)
        daemon.leave()
    else:
        daemon.shut_down("shut down by a user", conversation)


def journal(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    """The newest lines, in the order of time. Also of pipelines that were removed."""
    pipeline, node = given.maybe_text("pipeline"), given.maybe_text("node")
    limit = given.maybe_number("limit")
    entries = daemon.journal.entries(pipeline, node, _LINES if limit is None else limit)
    if not entries and pipeline is not None:
        find_target(daemon, f"{pipeline}/{node}" if node else pipeline, given.doing)
    conversation.result(
        [
            {
                "at": iso(entry.at),
                "pipeline": entry.pipeline,
                "node": entry.node,
                "incarnation": entry.incarnation,
                "event": entry.event,
                "from": entry.from_,
                "to": entry.to,
                "reason": entry.reason,
            }
            for entry in entries
        ]
    )


def graph(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    conversation.result(shapes.plain(find_pipeline(daemon, given.text("pipeline"), given.doing).pipeline.graph))
