"""The main loop of a resource, with its real inbox, link and store client; only the store is a thread of the test."""

from __future__ import annotations

import os
import select
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import zmq

from node_sdk import BaseActionNode, BaseResourceNode, Pipeline
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.metadata.memory import MemoryMetadataStore
from node_sdk.runtime.interrupt import Interrupt, Stopping
from node_sdk.runtime.launch import Launch
from node_sdk.runtime.live import Live
from node_sdk.runtime.resource import LONGEST_WAIT, ResourceLoop
from node_sdk.testing.asking import Asker
from node_sdk.triggers import Trigger, Verdict
from node_sdk.wire.codec import decode, encode
from node_sdk.wire.loader import Load
from node_sdk.wire.store import Count, Found, Offer, RecordArtifacts, StoreRequest

PATIENCE = 20.0  # seconds; only a failing test waits so long


class Folder(BaseResourceNode):
    """Its condition, and what it does when its descriptor is readable, are the test's."""

    def __init__(self, name: str, store: SqliteMetadataStore) -> None:
        super().__init__(name, "/nowhere", store)
        self.reader, self.writer = os.pipe()
        self.evaluated = 0
        self.condition: Callable[[], bool] = lambda: False
        self.looked: Callable[[], None] = lambda: None
        self.at: Callable[[], float | None] = lambda: None

    def watched_fd(self) -> int:
        return self.reader

    def look_at(self) -> float | None:
        return self.at()

    def look(self) -> None:
        if select.select([self.reader], [], [], 0)[0]:
            os.read(self.reader, 100)
        self.looked()

    def trigger_condition(self) -> bool:
        self.evaluated += 1
        return self.condition()


@dataclass(frozen=True)
class From(Trigger):
    """Holds from a time on."""

    at: float

    def look(self, resource: BaseResourceNode, now: float) -> Verdict:
        return Verdict(True) if now >= self.at else Verdict(False, self.at)


class Action(BaseActionNode):
    def execute(self) -> bool:
        return True


class Scene:
    """A resource `data` and an action after it; the store answers until `close`."""

    def __init__(self) -> None:
        self.sockets = Path(tempfile.mkdtemp(dir="/tmp", prefix="ana"))
        store = SqliteMetadataStore("store", "sqlite:////nowhere/runs.db")
        self.node = Folder("data", store)
        pipeline = Pipeline([store, self.node, Action("act", [self.node])], name="tiny")
        tables = MemoryMetadataStore("store")
        tables.open()
        self.asker = Asker(tables, pipeline.graph)
        load = Load(file="/nowhere.py", cwd="/", socket_dir=str(self.sockets), data_dir=str(self.sockets / "data"))
        self.interrupt = Interrupt()
        self.live = Live(pipeline, Launch(load=load, pipeline="tiny", node="data", incarnation=1), self.interrupt)
        self.live.open()
        self.live.link.start()
        self.client = self.live.client()
        self.live.bind(self.client)
        self.asked: list[StoreRequest] = []
        self.told: Callable[[StoreRequest], None] = lambda request: None
        self._ending = threading.Event()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._store = threading.Thread(target=self._answer)
        self._store.start()

    def serve(self) -> None:
        """The loop until it is told to stop; a test that waits in vain is told so, too."""
        said: list[str] = []

        def give_up() -> None:
            said.append("waited in vain")
            self.stop()

        patience = threading.Timer(PATIENCE, give_up)
        patience.start()
        loop = ResourceLoop(self.live, self.client, self.asker.welcome("data"))
        loop.watch()
        with pytest.raises(Stopping):
            loop.serve()
        patience.cancel()
        assert not said

    def stop(self) -> None:
        """As SIGTERM does."""
        self.interrupt.stopping = True
        self.interrupt.poke()

    def close(self) -> None:
        self._ending.set()
        self._store.join()
        self._context.term()
        self.live.link.close()
        self.live.context.destroy(linger=0)
        self.interrupt.close()
        os.close(self.node.reader)
        os.close(self.node.writer)
        shutil.rmtree(self.sockets)

    def _answer(self) -> None:
        router = self._context.socket(zmq.ROUTER)
        router.linger = 0
        router.bind(f"ipc://{self.live.launch.inbox('store')}")
        while not self._ending.is_set():
            if router.poll(10):
                sender, data = router.recv_multipart()
                request = decode(data, StoreRequest)
                self.asked.append(request)
                (reply,) = self.asker.send(request)
                router.send_multipart((sender, encode(reply)))
                self.told(request)
        router.close()


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.close()


def record(name: str) -> RecordArtifacts:
    return RecordArtifacts("data", (Found(name, "hash", 1),), "new")


QUESTION = Count("artifacts", {"resource": "data"})


def test_what_is_recorded_while_the_condition_asks_the_store_has_the_condition_asked_again(scene: Scene) -> None:
    def condition() -> bool:
        if scene.node.evaluated == 2:
            scene.stop()
            return False
        scene.interrupt.wake()  # as record_new() does in a thread of the user, after the flags were read …
        scene.client.ask(QUESTION)  # … and here the main thread waits, and takes the wake-up away
        return False

    scene.node.condition = condition
    scene.serve()
    assert scene.node.evaluated == 2


def test_a_pause_that_comes_while_the_condition_asks_the_store_takes_the_offer_back(scene: Scene) -> None:
    def condition() -> bool:
        if scene.node.evaluated == 2:
            scene.live.link.paused = True  # as the link does in its thread
            scene.interrupt.poke()
            scene.client.ask(QUESTION)
        return True

    def told(request: StoreRequest) -> None:
        if isinstance(request.operation, Offer) and request.operation.holds:
            os.write(scene.node.writer, b"!")  # the condition is evaluated again, and nothing is news to the store
        elif isinstance(request.operation, Offer):
            scene.stop()

    scene.node.condition, scene.told = condition, told
    scene.serve()
    offers = [each.operation for each in scene.asked if isinstance(each.operation, Offer)]
    assert [each.holds for each in offers] == [True, False]


def test_a_sigterm_that_comes_while_the_condition_asks_the_store_ends_the_loop(scene: Scene) -> None:
    def condition() -> bool:
        with scene.interrupt.held():  # where waiting for the answer does not end by it
            scene.stop()
            scene.client.ask(QUESTION)
        return False

    scene.node.condition = condition
    scene.serve()
    assert scene.node.evaluated == 1


def test_a_condition_that_always_holds_starts_a_run_for_what_comes_after_the_offer(scene: Scene) -> None:
    def looked() -> None:
        assert scene.asker.rows("runs") == []  # the offer stands, and there was nothing to claim
        assert [each.operation for each in scene.asked if isinstance(each.operation, Offer)] == [Offer("data", True, 0)]
        scene.client.ask(record("a.txt"))
        scene.stop()

    def told(request: StoreRequest) -> None:
        if isinstance(request.operation, Offer):
            os.write(scene.node.writer, b"!")

    scene.node.condition, scene.node.looked, scene.told = (lambda: True), looked, told
    scene.serve()
    assert [each["trigger"] for each in scene.asker.rows("runs")] == ["data"]


def test_a_condition_that_time_alone_makes_true_is_asked_again_in_time(scene: Scene) -> None:
    """And not before: nothing else happens here, and it is asked twice."""

    def told(request: StoreRequest) -> None:
        if isinstance(request.operation, Offer) and request.operation.holds:
            scene.stop()

    scene.node.condition, scene.told = partial(scene.node.holds, From(time.time() + 0.1)), told
    scene.serve()
    assert scene.node.evaluated == 2


def test_a_resource_is_looked_at_when_it_said_so(scene: Scene) -> None:
    due = time.time() + 0.1
    looks: list[float] = []

    def looked() -> None:
        looks.append(time.time())
        scene.stop()

    scene.node.at, scene.node.looked = (lambda: None if looks else due), looked
    scene.serve()
    assert len(looks) == 1 and looks[0] >= due


def test_a_paused_resource_has_no_deadline(scene: Scene) -> None:
    loop = ResourceLoop(scene.live, scene.client, scene.asker.welcome("data"))
    scene.node.at = lambda: 0.0
    assert loop.deadline() is not None
    scene.live.link.paused = True
    assert loop.deadline() is None


def test_a_far_deadline_is_looked_at_again_in_a_while(scene: Scene) -> None:
    """The wall clock may be set forward meanwhile."""
    loop = ResourceLoop(scene.live, scene.client, scene.asker.welcome("data"))
    scene.node.at = lambda: time.time() + 86_400
    deadline = loop.deadline()
    assert deadline is not None and deadline <= time.monotonic() + LONGEST_WAIT
