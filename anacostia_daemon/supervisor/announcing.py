"""Tells the service manager how the daemon is: when it is ready, a sentence that changes, and that its loop turns.

All of it is said from the loop itself: a daemon that hangs falls silent, and is replaced. Where nobody listens, this
costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from anacostia_daemon.core.plan import longest_stop
from anacostia_daemon.service.notify import Notifier, microseconds, reloading
from anacostia_daemon.service.sentence import sentence
from anacostia_daemon.supervisor.keeper import QUIT_TIMEOUT
from anacostia_daemon.supervisor.loop import Handle, Loop

if TYPE_CHECKING:
    from anacostia_daemon.supervisor.daemon import Member

READY_WITHIN = (
    20.0  # seconds; what an earlier daemon left may not be cleared for long, and it can be spoken to meanwhile
)
STATUS_EVERY = 0.1  # seconds between two sentences at least
AGAIN = 0.1  # seconds until what could not be sent is sent again
STOP_MARGIN = 15.0  # seconds; families, the journal and a busy machine take time beside the nodes' own


class Announcer:
    """`members` are the pipelines that are supervised, in whatever state they are by then."""

    def __init__(self, loop: Loop, notifier: Notifier, members: Mapping[str, Member]) -> None:
        self._loop, self._notifier, self._members = loop, notifier, members
        self._ready, self._leaving, self._said = False, "", ""
        self._latest = loop.now() + READY_WITHIN
        self._next: Handle | None = None  # sentence
        if notifier.heard:
            loop.call_at(self._latest, self.look)
            self._beat()

    def look(self, changed: bool = True) -> None:
        """At the end of each turn; `changed`: whether anything but heartbeats came in it."""
        if not self._notifier.heard or (self._ready and not changed):
            return
        due = self._settled() or self._loop.now() >= self._latest
        if due and not self._ready and not self._leaving:
            self._ready = True
            self._tell(READY="1", STATUS=self._sentence())
        if self._next is None:
            self._next = self._loop.call_at(self._loop.now() + STATUS_EVERY, self._say)

    def stopping(self, reason: str) -> None:
        """The daemon shuts down; it may take as long as its nodes may."""
        self._leaving = reason
        longest = max((longest_stop(each.pipeline.graph) for each in self._members.values()), default=0.0)
        room = longest + QUIT_TIMEOUT + STOP_MARGIN
        self._tell(STOPPING="1", STATUS=self._sentence(), EXTEND_TIMEOUT_USEC=microseconds(room))

    def reload(self, read: Callable[[], object]) -> None:
        """Have the configuration read anew; nothing where the daemon shuts down, or has not begun."""
        if self._leaving or (self._notifier.heard and not self._ready):
            return
        self._tell(**reloading())
        try:
            read()
        finally:
            self._tell(READY="1", STATUS=self._sentence())

    def close(self) -> None:
        """The daemon ends now."""
        if not self._leaving:
            self._tell(STOPPING="1", STATUS="ending; the nodes live on")
        self._notifier.close()

    def _settled(self) -> bool:
        return all(each.pipeline.settled for each in self._members.values())

    def _say(self) -> None:
        self._next = None
        before = self._said
        if self._sentence() != before:
            self._tell(STATUS=self._said)

    def _sentence(self) -> str:
        nodes = [
            (member.pipeline.name, name, node.state.phase)
            for member in self._members.values()
            for name, node in member.pipeline.nodes.items()
        ]
        self._said = sentence(nodes, len(self._members), self._leaving)
        return self._said

    def _tell(self, **fields: str) -> None:
        if not self._notifier.tell(**fields):
            self._loop.call_at(self._loop.now() + AGAIN, self._tell)

    def _beat(self) -> None:
        """From the loop, never from a thread: a thread would go on telling that a dead loop lives."""
        if self._notifier.watchdog is not None:
            self._notifier.tell(WATCHDOG="1")
            self._loop.call_at(self._loop.now() + self._notifier.watchdog / 2, self._beat)
