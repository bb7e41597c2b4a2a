"""Main loop of a metadata store: all requests that wait are one batch, one transaction; then the answers leave."""

from __future__ import annotations

import itertools
import threading
from typing import Any

from node_sdk.errors import BadMessage, Fenced
from node_sdk.metadata.ledger import Ledger
from node_sdk.runtime.live import LOG, Live
from node_sdk.runtime.store_client import refusal
from node_sdk.wire.store import Operation, StoreReply, StoreRequest

MOST_AT_ONCE = 2000  # requests in one transaction


class OwnAccess:
    """`binding.StoreAccess` in the store's own process: a plain call."""

    def __init__(self, live: Live, ledger: Ledger) -> None:
        self._live = live
        self._ledger = ledger
        self._seq = itertools.count(1)
        self._lock = threading.RLock()

    def ask(self, operation: Operation) -> Any:
        """The durable answer to `operation`."""
        launch = self._live.launch
        request = StoreRequest(next(self._seq), launch.node, launch.incarnation, operation)
        reply = self.answer([request])[0]
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
        """Answer `requests` in one transaction, then signal whom they concern."""
        with self._lock:
            answered = self._ledger.answer(requests)
            for successor, run_id in answered.signals:
                self._live.outbox.signal(successor, run_id)
        return answered.replies


class StoreLoop:
    """Answers everybody's requests."""

    def __init__(self, live: Live, access: OwnAccess) -> None:
        self._live = live
        self._access = access

    def serve(self) -> None:
        """Until Stopping is raised. Raises StoreUnavailable when the database fails: nothing was answered then."""
        while True:
            self._batch()
            self._live.interrupt.check()
            self._live.wait()

    def _batch(self) -> None:
        waiting = list(self._live.inbox.receive(StoreRequest, most=MOST_AT_ONCE))
        if not waiting:
            return
        replies = self._access.answer([request for _, request in waiting])
        for (sender, _), reply in zip(waiting, replies, strict=True):
            self._reply(sender, reply)

    def _reply(self, sender: bytes, reply: StoreReply) -> None:
        try:
            self._live.inbox.reply(sender, reply)
        except BadMessage as error:
            LOG.error("cannot send an answer: %s", error)
            self._live.inbox.reply(sender, StoreReply(reply.seq, None, str(error), "invalid"))
