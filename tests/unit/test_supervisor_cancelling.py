"""Who may have missed that a run was cancelled is told what the store says, once both can be reached."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from anacostia_daemon.core.events import Found
from anacostia_daemon.core.node import new_node, step
from anacostia_daemon.supervisor.cancelling import Cancelling
from node_sdk.graph import NodeSpec
from node_sdk.wire.link import CancelTask
from node_sdk.wire.store import StoreReply

STORE = NodeSpec(name="store", kind="metadata_store", type="S", base_type="S")
TRAIN = NodeSpec(name="train", kind="action", type="T", base_type="T", predecessors=("store",))
IDLE = NodeSpec(name="idle", kind="action", type="T", base_type="T", predecessors=("store",))


class Place:
    """Incarnation 3 of `train` is at work; `idle` has no process."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int]] = []
        self.reachable = True
        at_work, _ = step(new_node(TRAIN, 3, orphan=True), Found(3, 42, 1.0, True), 0.0)
        states = {"store": new_node(STORE), "train": at_work, "idle": new_node(IDLE)}
        self.pipeline: Any = SimpleNamespace(
            name="p",
            nodes={name: SimpleNamespace(state=state) for name, state in states.items()},
            around=SimpleNamespace(link=SimpleNamespace(tell=self.tell)),
        )
        self.cancelling = Cancelling(self.pipeline)
        self.asked: list[Any] = []
        self.cancelling.ask = lambda operation, answer: self.asked.append((operation, answer))
        self.cancelling.askable = lambda: True

    def tell(self, key: tuple[str, str, int], message: CancelTask) -> bool:
        if self.reachable:
            self.told.append((key[1], key[2], message.run_id))
        return self.reachable

    def answer(self, reply: StoreReply) -> None:
        operation, answer = self.asked.pop()
        assert operation.where == {"node": "train", "state": "cancelled"}
        answer(reply)


@pytest.fixture
def place() -> Place:
    return Place()


CANCELLED = [
    {"run_id": 9, "incarnation": None},  # before its Begin came
    {"run_id": 8, "incarnation": 3},
    {"run_id": 7, "incarnation": 2},  # of a process that is gone
]


def test_who_may_have_missed_it_is_told_what_the_store_says(place: Place) -> None:
    place.cancelling.doubt()
    place.cancelling.heard("train")
    place.answer(StoreReply(1, CANCELLED))
    assert place.told == [("train", 3, 9), ("train", 3, 8)]
    place.cancelling.heard("train")
    assert place.asked == []  # once is enough


def test_only_who_has_a_process_is_in_doubt(place: Place) -> None:
    place.cancelling.doubt()
    place.cancelling.heard("idle")
    place.cancelling.heard("store")
    assert place.asked == []


def test_a_store_that_cannot_be_asked_yet_is_asked_later(place: Place) -> None:
    place.cancelling.askable = lambda: False
    place.cancelling.doubt("train")
    place.cancelling.heard("train")
    assert place.asked == []
    place.cancelling.askable = lambda: True
    place.cancelling.heard("train")
    place.answer(StoreReply(1, error="the store did not answer within 10 s", kind="unavailable"))
    place.cancelling.heard("train")
    place.answer(StoreReply(1, CANCELLED[1:2]))
    assert place.told == [("train", 3, 8)]


def test_who_cannot_be_told_yet_is_told_when_it_is_heard(place: Place) -> None:
    place.reachable = False
    place.cancelling.tell(5)
    assert place.told == []
    place.reachable = True
    place.cancelling.heard("train")
    assert place.told == [("train", 3, 5)]
