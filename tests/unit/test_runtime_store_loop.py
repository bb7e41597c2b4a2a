"""Whom the store's main loop tells of a completion, and in which order."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from node_sdk.metadata.memory import MemoryMetadataStore
from node_sdk.runtime.interrupt import Interrupt
from node_sdk.runtime.store import OwnAccess, StoreLoop
from node_sdk.testing.asking import Asker, action, graph
from node_sdk.wire.codec import Message
from node_sdk.wire.store import Complete, Hello, StoreReply, StoreRequest, Wake


class Place:
    """As `Live`, with an inbox of lists."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Message]] = []
        self.waiting: list[tuple[bytes, StoreRequest]] = []
        self.inbox: Any = SimpleNamespace(receive=self._receive, reply=lambda *sent: self.sent.append(sent))
        self.outbox = SimpleNamespace(signal=lambda successor, run_id: None)
        self.link = SimpleNamespace(runs=lambda ended, failed, moves: None)
        self.interrupt = Interrupt()

    def _receive(self, *kinds: object, most: int) -> list[tuple[bytes, StoreRequest]]:
        taken, self.waiting = self.waiting[:most], self.waiting[most:]
        return taken


def served(*batches: list[tuple[bytes, StoreRequest]], asker: Asker) -> list[tuple[bytes, Message]]:
    """What is sent, and to whom, when these requests come."""
    place: Any = Place()
    loop = StoreLoop(place, OwnAccess(place, asker.ledger))
    for batch in batches:
        place.sent.clear()
        place.waiting = batch
        loop._take_in(10)
        loop._answer()
    place.interrupt.close()
    sent: list[tuple[bytes, Message]] = place.sent
    return sent


def chain() -> Asker:
    return Asker(MemoryMetadataStore(), graph(action("first", "data"), action("second", "first")))


def test_who_is_due_hears_so_before_the_one_that_completed() -> None:
    asker = chain()
    run = asker.run("a")
    hello = (b"b", asker.request("second", Hello()))
    complete = (b"a", asker.request("first", Complete(run, 1, "succeeded", seconds=0.0)))
    (to, wake), (back, reply) = served([hello], [complete], asker=asker)
    assert (to, wake) == (b"b", Wake(run, "first", 1))
    assert back == b"a"
    assert isinstance(reply, StoreReply)
    assert reply.value == ["second"]


def test_where_more_waits_for_the_store_only_the_one_that_completed_is_told() -> None:
    asker = chain()
    run = asker.run("a")
    hello = (b"b", asker.request("second", Hello()))
    complete = (b"a", asker.request("first", Complete(run, 1, "succeeded", seconds=0.0)))
    assert [type(message) for _, message in served([hello], [complete, hello], asker=asker)] == [StoreReply, StoreReply]


def test_nobody_is_told_of_what_the_store_refused() -> None:
    asker = chain()
    run = asker.run("a")
    hello = (b"b", asker.request("second", Hello()))
    unbegun = (b"a", asker.request("first", Complete(run, 1, "succeeded")))
    assert [to for to, _ in served([hello], [unbegun], asker=asker)] == [b"a"]
