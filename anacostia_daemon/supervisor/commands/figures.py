"""`figures`: what the stores have counted and what the daemon itself uses, for those who look from outside.

Bounded whatever the stores do: one that is not ready, or does not answer in time, is left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from anacostia_daemon.process.usage import usage
from anacostia_daemon.supervisor.commands.asking import Arguments
from node_sdk.wire.store import AskFigures, StoreReply

if TYPE_CHECKING:
    from anacostia_daemon.control.server import Conversation
    from anacostia_daemon.supervisor.daemon import Daemon

PATIENCE = 2.0  # seconds that stores have to answer; one on a full disk may take longer


def figures(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    """Of the daemon, and of each pipeline what its store has counted, or None."""
    found: dict[str, Any] = dict.fromkeys(daemon.members)
    ready = [name for name, member in daemon.members.items() if member.questions.store_is_ready]
    gathering = Gathering(set(ready), lambda: conversation.result({"daemon": _own(daemon), "pipelines": found}))

    def take(name: str, reply: StoreReply) -> None:
        if not gathering.over:
            found[name] = reply.value if reply.error is None else None
            gathering.arrived(name)

    timeout = daemon.loop.call_at(daemon.loop.now() + PATIENCE, gathering.end)
    gathering.at_end = timeout.cancel
    for name in ready:
        daemon.members[name].questions.ask(AskFigures(), lambda reply, name=name: take(name, reply))  # type: ignore[misc]
    if not ready:
        gathering.end()


class Gathering:
    """Calls `tell` once: when all whom it waits for have arrived, or at `end`."""

    def __init__(self, waits_for: set[str], tell: Callable[[], None]) -> None:
        self._waits_for, self._tell = waits_for, tell
        self.at_end: Callable[[], None] = lambda: None
        self.over = False

    def arrived(self, name: str) -> None:
        self._waits_for.discard(name)
        if not self._waits_for:
            self.end()

    def end(self) -> None:
        if not self.over:
            self.over = True
            self.at_end()
            self._tell()


def _own(daemon: Daemon) -> dict[str, Any]:
    used = usage(os.getpid())
    return {
        "cpu_seconds": used.cpu_seconds if used else None,
        "rss_bytes": used.rss_bytes if used else None,
        "turns": daemon.loop.turns,
        "journal_writable": not daemon.journal_trouble,
    }
