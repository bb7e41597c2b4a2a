"""Main loop of a metadata store: all requests that wait are one batch, one transaction; then the answers leave."""

from __future__ import annotations

import itertools
import threading
from typing import Any

from node_sdk.errors import BadMessage, Fenced, StoreBroken, StoreUnavailable
from node_sdk.metadata.ledger import Ledger
from node_sdk.runtime.enduring import Enduring
from node_sdk.runtime.live import LOG, Live
from node_sdk.runtime.store_client import refusal
from node_sdk.wire.codec import from_map
from node_sdk.wire.store import OPERATOR, Complete, Hello, Operation, StoreReply, StoreRequest, Wake, Welcome

MOST_AT_ONCE = 2000  # requests in one transaction
MOST_KEPT = 20_000  # requests kept while the database cannot do its work; further ones wait with those who ask

Key = tuple[object, ...]


class OwnAccess:
    """`binding.StoreAccess` in the store's own process: a plain call."""

    def __init__(self, live: Live, ledger: Ledger) -> None:
        self._live = live
        self._ledger = ledger
        self._seq = itertools.count(1)
        self._lock = threading.RLock()
        self.enduring = Enduring(live, self._reopen)

    def ask(self, operation: Operation) -> Any:
        """The durable answer to `operation`. Waits while the database cannot do its work."""
        launch = self._live.launch
        request = StoreRequest(next(self._seq), launch.node, launch.incarnation, operation)
        reply = self.enduring.until_done(lambda: self.answer([request]))[0]
        error = refusal(reply)
        if isinstance(error, Fenced):
            self._live.fenced(error)
        if error is not None:
            raise error
        return reply.value

    def tell(self, operation: Operation) -> None:
        """As `ask`: nothing is waited for here but the disk."""
        self.ask(operation)

    def answer(self, requests: list[StoreRequest]) -> list[StoreReply]:
        """Answer `requests` in one transaction, then signal whom they concern. StoreUnavailable: not one is done."""
        with self._lock:
            answered = self._ledger.answer(requests)
            for successor, run_id in answered.signals:
                self._live.outbox.signal(successor, run_id)
        figures = self._ledger.figures
        self._live.link.runs(figures.ended_runs, figures.failed_runs, self._ledger.moves)
        return answered.replies

    def signal_again(self) -> None:
        """Repeat every signal that may be lost, as at the start of a store (law 2)."""
        for each in from_map(self.ask(Hello()), Welcome).unsignalled:
            for successor in each.successors:
                self._live.outbox.signal(successor, each.run_id)

    def _reopen(self) -> None:
        node = self._live.node
        with self._lock:
            node.close()
            node.open()
            if not self._ledger.is_at_home():
                node.close()
                raise StoreBroken(
                    f"cannot go on with the metadata store at {self._live.spec.uri}: another database stands in its "
                    "place; put the right one back, or restart the pipeline to begin with this one"
                )


class StoreLoop:
    """Answers everybody's requests."""

    def __init__(self, live: Live, access: OwnAccess) -> None:
        self._live = live
        self._access = access
        self._waiting: dict[Key, tuple[bytes, StoreRequest]] = {}  # taken in and not answered, in order
        self._senders: dict[str, bytes] = {}  # node → where it last asked from

    def serve(self) -> None:
        """Until Stopping is raised, or Ending where the database is damaged."""
        enduring = self._access.enduring
        self._take_in(MOST_AT_ONCE)
        while True:
            troubles = enduring.troubles
            while self._waiting:
                enduring.until_done(self._answer, self._meanwhile)
            if enduring.troubles > troubles:
                # A commit that was reported as failed may be durable, and then nobody was signalled.
                self._access.signal_again()
            self._live.interrupt.check()
            if self._live.inbox.socket in self._live.wait():
                self._take_in(MOST_AT_ONCE)

    def _take_in(self, most: int) -> None:
        for sender, request in self._live.inbox.receive(StoreRequest, most=most):
            # Whoever has no answer asks again, over a new connection: that is the same request in the same place.
            who = sender if request.node == OPERATOR else request.node
            self._waiting[who, request.incarnation, request.seq] = (sender, request)

    def _answer(self) -> None:
        batch = dict(itertools.islice(self._waiting.items(), MOST_AT_ONCE))
        replies = self._access.answer([request for _, request in batch.values()])
        if len(batch) == 1:  # where more wait, they wait for the store, and this would take its time
            self._wake(next(iter(batch.values()))[1], replies[0])
        last = {key[:2]: key for key in batch}  # of each client: what is answered there answers all it told before
        for (key, (sender, request)), reply in zip(batch.items(), replies, strict=True):
            del self._waiting[key]
            if reply.kind is None:
                self._senders[request.node] = sender
            if not request.told or reply.kind is not None or last[key[:2]] == key:
                self._reply(sender, reply)

    def _wake(self, request: StoreRequest, reply: StoreReply) -> None:
        """Who is due by this completion hears of it now, and not only by way of the node that completed."""
        done = request.operation
        if not isinstance(done, Complete) or reply.kind is not None:
            return
        for name in reply.value:
            if name in self._senders:
                self._live.inbox.reply(self._senders[name], Wake(done.run_id, request.node, done.attempt))

    def _meanwhile(self, error: StoreUnavailable) -> bool:
        """While the database cannot do its work: people hear so at once, nodes wait."""
        self._take_in(MOST_KEPT - len(self._waiting))
        for key, (sender, request) in list(self._waiting.items()):
            if request.node == OPERATOR:
                del self._waiting[key]  # not done later either: they were told that it was not
                self._reply(sender, StoreReply(request.seq, None, str(error), "unavailable"))
        return len(self._waiting) < MOST_KEPT

    def _reply(self, sender: bytes, reply: StoreReply) -> None:
        try:
            self._live.inbox.reply(sender, reply)
        except BadMessage as error:
            LOG.error("cannot send an answer: %s", error)
            self._live.inbox.reply(sender, StoreReply(reply.seq, None, str(error), "invalid"))
