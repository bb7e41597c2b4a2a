"""Another process of the same user that pretends to be a node: what bears a wrong number or an unknown name changes
nothing. What it could do by right (signal, trace, read memory) nobody can keep it from; see docs/security.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import zmq
from place import ROOT, Place, rows, wait_for

from anacostia_daemon.control.client import Client, ControlRefused
from node_sdk.wire.codec import decode, encode
from node_sdk.wire.link import Beat, LastWords
from node_sdk.wire.signals import Signal, SignalTaken
from node_sdk.wire.store import (
    Begin,
    Complete,
    Found,
    Hello,
    LogMetrics,
    Offer,
    RecordArtifacts,
    StoreReply,
    StoreRequest,
)

ACTION, RESOURCE, STORE = "shakespeare_eval", "haiku_data_store", "metadata_store"


@pytest.fixture(scope="module")
def shared() -> Iterator[Place]:
    opened = Place()
    failed = True
    try:
        opened.ctl("start", ROOT / "examples/haiku/pipeline.py", "--", opened.root)
        opened.ctl("restart", f"haiku/{ACTION}")  # so that there is an older incarnation to speak for
        opened.ready("haiku", ACTION, after=1)
        yield opened
        failed = False
    finally:
        opened.close(failed=failed)


@pytest.fixture
def place(shared: Place) -> Iterator[Place]:
    """A pipeline that is the same after the forgery as before, and works."""
    before = state(shared)
    yield shared
    assert state(shared) == before
    run = len(shared.runs("haiku")) + 1
    shared.write(f"haikus/{run}.txt", f"an old silent pond {run}\n")
    shared.run_ended("haiku", run)


def state(place: Place) -> Any:
    nodes = place.ask("status", pipeline="haiku")["pipelines"][0]["nodes"]
    kept = ("name", "phase", "desired", "pid", "incarnation", "restarts", "last_end")
    database = place.root / "metadata.db"
    held = {each: len(rows(database, f"select * from {each}")) for each in ("runs", "tasks", "metrics", "artifacts")}
    return [{key: node[key] for key in kept} for node in nodes], held


def exchange(place: Place, node: str, message: bytes, within: int = 10_000) -> bytes | None:
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.linger = 1000
        path = place.home.link_socket if node == "link" else place.home.inbox("haiku", node)
        dealer.connect(f"ipc://{path}")
        dealer.send(message)
        return dealer.recv() if dealer.poll(within) else None


OPERATIONS = {
    "offer": Offer(RESOURCE, True, 0),
    "begin": Begin(1, 1),
    "complete": Complete(1, 1, "succeeded"),
    "metrics": LogMetrics(None, 0, 1, {"forged": 1.0}),
    "artifact": RecordArtifacts(ACTION, (Found("forged.txt", "0" * 64, 1, 1),), "new"),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_store_refuses_what_an_older_incarnation_says(place: Place, operation: str) -> None:
    answer = exchange(place, STORE, encode(StoreRequest(1, ACTION, 1, OPERATIONS[operation])))
    assert answer is not None
    reply = decode(answer, StoreReply)
    assert reply.kind == "fenced", reply


@pytest.mark.parametrize("name", ["nobody", "", "../haiku", "shakespeare_eval\n", "@daemon"])
def test_the_store_refuses_a_node_that_is_none_of_its_pipeline(place: Place, name: str) -> None:
    for number in (1, 2, 2**62):
        for operation in (Hello(), *OPERATIONS.values()):
            answer = exchange(place, STORE, encode(StoreRequest(1, name, number, operation)))
            assert answer is not None
            assert decode(answer, StoreReply).error, (name, operation)


@pytest.mark.parametrize(
    "message",
    [
        Beat("haiku", ACTION, 1, False, "forged"),
        Beat("haiku", ACTION, 2**62, False, "forged"),
        Beat("haiku", "nobody", 1, True, "forged"),
        Beat("../haiku", ACTION, 2, True, "forged"),
        LastWords("haiku", ACTION, 1, "error", "forged"),
        LastWords("haiku", ACTION, 2**62, "fenced", "forged", 2**62),
        LastWords("haiku", "nobody", 2, "setup", "forged"),
    ],
    ids=repr,
)
def test_the_daemon_takes_no_word_for_a_node_in_another_incarnation_or_of_another_name(
    place: Place, message: Beat | LastWords
) -> None:
    exchange(place, "link", encode(message), within=100)
    wait_for(lambda: place.ask("status"), "it answers")


def test_a_forged_signal_is_only_a_wake_up(place: Place) -> None:
    """Law 1: who is woken asks the store what is due, and nothing is."""
    answer = exchange(place, ACTION, encode(Signal(1, 10_000, RESOURCE)))
    assert answer is not None and decode(answer, SignalTaken)


@pytest.mark.parametrize("name", ["../../etc", "a/b/c", "\x1b]0;x\x07", "--help", "haiku\n"])
def test_a_name_in_a_command_is_looked_up_and_never_part_of_a_path(place: Place, name: str) -> None:
    for command in ("status", "stop", "restart", "runs", "trigger", "remove"):
        with Client(place.home) as client, pytest.raises(ControlRefused) as refused:
            client.request(command, {"pipeline": name}, timeout=10)
        assert refused.value.code in ("unknown", "invalid"), refused.value


def test_a_forged_newer_incarnation_puts_its_node_out_for_a_moment_only(shared: Place) -> None:
    before = shared.ready("haiku", ACTION)
    forged = before["incarnation"] + 10
    assert exchange(shared, STORE, encode(StoreRequest(1, ACTION, forged, Hello()))) is not None
    run = len(shared.runs("haiku")) + 1
    shared.write("haikus/after.txt", "an old silent pond, again\n")
    shared.run_ended("haiku", run)
    assert shared.ready("haiku", ACTION, after=forged)["pid"] != before["pid"]
