"""Main loop of a resource: look when something happens, say whether its trigger condition holds, pass signals on."""

from __future__ import annotations

import time
from collections.abc import Iterable

import zmq

from node_sdk.metadata.rules import due_at_start
from node_sdk.runtime.live import LOG, Live, in_words
from node_sdk.runtime.store_client import StoreClient
from node_sdk.wire.signals import Signal, SignalTaken
from node_sdk.wire.store import Offer, Welcome

# The wall clock may be set, and stands still to us while the machine sleeps; nobody tells. So late at most is who waits
# for a time of day.
LONGEST_WAIT = 60.0  # seconds


class ResourceLoop:
    """Watches the resource in `live`."""

    def __init__(self, live: Live, store: StoreClient, welcome: Welcome) -> None:
        self._live = live
        self._store = store
        self._last_run_id = welcome.last_run_id
        first = due_at_start(live.graph)
        self._forward = [name for name in live.successors if name in first]
        self._offered: tuple[bool, int] | None = None  # None: nothing yet, which the store takes for False
        self._trouble: str | None = None
        self._stale = True  # something has happened since the trigger condition was evaluated
        self._ask_at: float | None = (
            None  # when it may hold, or no longer, without anything happening; of the wall clock
        )

    def watch(self) -> None:
        """Begin to watch, and record what is there already."""
        live = self._live
        if live.spec.monitoring:
            with live.working("looking for the first time"):
                live.node.start_monitoring()

    def serve(self) -> None:
        """Until Stopping is raised."""
        live, store = self._live, self._store
        while True:
            live.interrupt.check()
            store.settle()
            self._heed()
            if live.interrupt.asked:
                live.interrupt.asked = False
                self._stale = True
            self._offer()
            self._say_trouble()
            watched = live.node.watched_fd() if live.spec.monitoring else None
            ready = live.wait(store.channel, self, also=() if watched is None else (watched,))
            store.receive(ready)
            if live.inbox.socket in ready:
                self._hear()
            if (watched is not None and watched in ready) or self._is_time(self._look_at()):
                if live.link.paused:
                    self._say(holds=False)  # heard before what is now recorded, which would start a run
                with live.working(self._looking()):  # files are read whole; that takes as long as they are large
                    live.node.look()
                self._stale = True
            if self._is_time(self._ask_at):
                self._stale = True

    def sources(self) -> Iterable[zmq.Socket[bytes]]:
        """None of its own."""
        return ()

    def deadline(self) -> float | None:
        """When the next of what waits for a time is due; for Live.wait."""
        waiting = [at for at in (self._ask_at, self._look_at()) if at is not None]
        if self._live.link.paused or not waiting:
            return None
        return time.monotonic() + min(max(min(waiting) - time.time(), 0.0), LONGEST_WAIT)

    def _looking(self) -> str:
        return f"looking again; {self._trouble}" if self._trouble else "looking"

    def _say_trouble(self) -> None:
        """What the resource cannot do is its work, for `status`, until it can."""
        if not self._live.spec.monitoring:
            return
        before, self._trouble = self._trouble, self._live.node.trouble()
        if self._trouble:
            self._live.link.work(self._trouble)
        elif before:
            self._live.link.work("watching")

    def _look_at(self) -> float | None:
        at: float | None = self._live.node.look_at() if self._live.spec.monitoring else None
        return at

    def _is_time(self, at: float | None) -> bool:
        return at is not None and at <= time.time() and not self._live.link.paused

    def _hear(self) -> None:
        for sender, signal in self._live.inbox.receive(Signal):
            self._live.inbox.reply(sender, SignalTaken(signal.seq))
            self._last_run_id = max(self._last_run_id, signal.run_id)
            self._stale = True
            for successor in self._forward:
                self._live.outbox.signal(successor, signal.run_id)

    def _heed(self) -> None:
        """A pause holds once the store has heard that nothing is offered: until then what comes may start a run."""
        paused, offers = self._live.link.paused, self._offered is not None and self._offered[0]
        if not paused or not (offers or self._store.waits):
            self._live.link.heed(paused)

    def _offer(self) -> None:
        """Tell the store what is news to it. While paused nothing is offered, and what was is taken back."""
        if not self._live.spec.monitoring:
            return
        if self._live.link.paused:
            self._say(holds=False)
            self._stale = True
        elif self._stale:
            self._stale = False
            self._say(holds=self._live.spec.starts_on_new or self._condition())

    def _say(self, *, holds: bool) -> None:
        # An offer of whatever will be new speaks of no artifacts, so no run makes it stale.
        offered = (holds, 0 if self._live.spec.starts_on_new else self._last_run_id)
        if offered != self._offered and (holds or self._offered is not None):
            self._offered = offered
            self._store.tell(Offer(self._live.launch.node, *offered))

    def _condition(self) -> bool:
        self._ask_at = None
        try:
            holds = bool(self._live.node.trigger_condition())
        except Exception as error:  # noqa: BLE001  (user code: said in the log and in status, tried again at the next event)
            LOG.exception("trigger_condition() raised %s; it counts as False", in_words(error))
            self._live.link.work(f"trigger_condition() raised {in_words(error)}")
            return False
        self._ask_at = self._live.node.ask_again_at()
        self._live.link.work("watching")
        return holds
