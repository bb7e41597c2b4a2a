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
_MOST_LINES = 1000  # of the answer to one who follows the journal


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
    """The newest lines, in the order of time, also of pipelines that were removed, those before the one with the id
    `before`; or with `after` the first lines of all that were written after the one with that id."""
    pipeline, node = given.maybe_text("pipeline"), given.maybe_text("node")
    limit = given.maybe_number("limit")
    after, most = given.maybe_number("after"), _LINES if limit is None else limit
    if after is None:
        entries = daemon.journal.entries(pipeline, node, most, given.maybe_number("before"))
    else:
        entries = daemon.journal.entries_after(after, min(most, _MOST_LINES))
    if not entries and pipeline is not None and after is None and given.maybe_number("before") is None:
        find_target(daemon, f"{pipeline}/{node}" if node else pipeline, given.doing)
    conversation.result(
        [
            {
                "id": entry.id,
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
