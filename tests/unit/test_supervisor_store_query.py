"""The daemon's line to a store hears the answer also when it had to begin a new connection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from anacostia_daemon.supervisor.loop import Loop
from anacostia_daemon.supervisor.store_query import StoreQuery
from node_sdk.runtime.channel import PATIENCE_FIRST
from node_sdk.wire.codec import decode, encode
from node_sdk.wire.store import Count, StoreReply, StoreRequest


class Place:
    """A store, and who asks it; the clock goes only where it is told to."""

    def __init__(self, path: Path) -> None:
        self.now = 100.0
        self.loop = Loop(lambda: self.now)
        self.context = zmq.Context()
        self.store = self.context.socket(zmq.ROUTER)
        self.store.bind(f"ipc://{path}")
        self.query = StoreQuery(self.loop, self.context, path)

    def take(self) -> tuple[bytes, StoreRequest]:
        """What the store got, and from whom."""
        assert self.store.poll(10_000)
        sender, data = self.store.recv_multipart()
        return sender, decode(data, StoreRequest)

    def answer(self) -> None:
        sender, request = self.take()
        self.store.send_multipart([sender, encode(StoreReply(request.seq, value=7))])

    def close(self) -> None:
        self.query.close()
        self.context.destroy(linger=0)
        self.loop.close()


@pytest.fixture
def place(short: Path) -> Iterator[Place]:
    made = Place(short / "store.sock")
    yield made
    made.close()


def test_the_answer_on_a_reopened_connection_is_heard_when_it_comes(place: Place) -> None:
    got: list[StoreReply] = []
    place.query.ask(Count("runs", {}), got.append)
    place.loop.turn(0)
    place.take()  # and then the store is busy for longer than the patience
    place.now += PATIENCE_FIRST + 0.5
    place.loop.turn(0)

    place.answer()
    for _ in range(10):
        if not got:
            place.loop.turn(1)

    assert [reply.value for reply in got] == [7]


def test_whoever_opens_a_connection_looks_again_for_its_send_may_have_swallowed_the_edge(place: Place) -> None:
    place.query.ask(Count("runs", {}), lambda reply: None)
    place.loop.turn(0)
    place.loop.turn(0)
    looks: list[float] = []
    receive = place.query._channel.receive

    def look() -> list[bytes]:
        looks.append(place.now)
        return receive()

    place.query._channel.receive = look  # type: ignore[method-assign]
    place.now += PATIENCE_FIRST + 0.5
    place.loop.turn(0)  # opens the new one; the look after it comes in this turn or in the next
    place.loop.turn(0)

    assert len(looks) >= 2
