"""What a daemon finds of an earlier one: whose process lives is adopted, whose pid somebody else has is not, and what
nobody knows is killed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from anacostia_daemon.core.node import NodeState, new_node
from anacostia_daemon.paths import Home
from anacostia_daemon.process.identity import start_time
from anacostia_daemon.process.marks import ROOM, VARIABLE, Mark
from anacostia_daemon.process.memory import OutOfMemory
from anacostia_daemon.process.reaper import Reaper
from anacostia_daemon.supervisor.keeper import LoaderKeeper, Recipe
from anacostia_daemon.supervisor.link import Link
from anacostia_daemon.supervisor.loop import Loop
from anacostia_daemon.supervisor.pipeline import Pipeline, Surroundings
from anacostia_daemon.supervisor.reconcile import Reconciliation
from node_sdk.graph import GraphSpec, NodeSpec
from node_sdk.wire.loader import Spawn, ToLoader

STORE = NodeSpec(name="store", kind="metadata_store", type="S", base_type="S")


class Keeper(LoaderKeeper):
    """Keeps what would be sent to a loader."""

    def __init__(self, loop: Loop, home: Home, reaper: Reaper) -> None:
        super().__init__(loop, home, reaper, Recipe(file="/p.py", cwd="/", python="python", pipeline="p"))
        self.sent: list[ToLoader] = []

    def send(self, message: ToLoader) -> None:
        self.sent.append(message)


class Place:
    """A pipeline of one node, whose third incarnation an earlier daemon left behind."""

    def __init__(self, folder: Path) -> None:
        self.loop, self.home, reaper = Loop(), Home(folder), Reaper()
        self.link = Link(self.loop, folder / "link.sock", lambda message: None, lambda *key: True)
        around = Surroundings(self.loop, self.home, self.link, reaper, OutOfMemory())
        self.keeper = Keeper(self.loop, self.home, reaper)
        graph = GraphSpec(name="p", nodes=(STORE,))
        self.pipeline = Pipeline(around, graph, self.keeper, "up", {"store": (self.left(), "up")})

    @staticmethod
    def left() -> NodeState:
        return new_node(STORE, 3, desired="up", orphan=True)

    @property
    def state(self) -> NodeState:
        return self.pipeline.nodes["store"].state

    def until_settled(self) -> None:
        end = self.loop.now() + 20
        while not self.pipeline.settled:
            assert self.loop.now() < end
            self.loop.turn(1)

    def until_at_rest_unwritten(self) -> None:
        """With a journal that cannot be written."""
        end = self.loop.now() + 20
        while not self.pipeline.at_rest:
            assert self.loop.now() < end, self.state
            self.pipeline.plan()
            self.pipeline.act(written=False)
            self.loop.turn(0.01)

    def close(self) -> None:
        self.pipeline.close()
        self.link.close()
        self.loop.close()


@pytest.fixture
def place(short: Path) -> Iterator[Place]:
    made = Place(short)
    yield made
    made.close()


def test_an_orphan_that_lives_is_adopted(place: Place) -> None:
    started = start_time(os.getpid())
    assert started is not None
    Reconciliation(place.pipeline, [], {"store": (os.getpid(), started)}, [])
    place.until_settled()
    assert (place.state.phase, place.state.pid, place.state.incarnation) == ("starting", os.getpid(), 3)


def test_an_orphan_whose_pid_has_passed_to_somebody_else_is_not_adopted(place: Place) -> None:
    started = start_time(os.getpid())
    assert started is not None
    Reconciliation(place.pipeline, [], {"store": (os.getpid(), started - 1.0)}, [])
    place.until_settled()
    assert (place.state.phase, place.state.pid) == (
        "killing",
        None,
    )  # dead; its family is looked for before it is started


def test_what_is_left_of_an_incarnation_that_nobody_knows_is_killed(place: Place) -> None:
    mark = Mark(place.home.hash, "p", "store", 1)
    stray = subprocess.Popen(
        [sys.executable, "-S", "-c", "import signal; print(flush=True); signal.pause()"],
        env={**os.environ, VARIABLE: str(mark).ljust(ROOM)},
        stdout=subprocess.PIPE,
    )
    try:
        assert stray.stdout is not None
        stray.stdout.readline()
        Reconciliation(place.pipeline, [], {}, [mark])
        assert not place.pipeline.settled
        place.until_settled()
        assert start_time(stray.pid) is None
    finally:
        stray.kill()
        stray.communicate()


def test_no_process_is_started_before_that_is_written_down(place: Place) -> None:
    place.pipeline.nodes["store"].state = new_node(STORE, 3, desired="up")
    place.pipeline.plan()
    assert place.state.phase == "starting"
    place.pipeline.act(written=False)
    assert place.keeper.sent == []
    place.pipeline.act(written=True)
    assert [(each.node, each.incarnation) for each in place.keeper.sent if isinstance(each, Spawn)] == [("store", 4)]


def test_a_start_that_waits_for_the_journal_is_given_up_by_a_stop(place: Place) -> None:
    place.pipeline.nodes["store"].state = new_node(STORE, 3, desired="up")
    place.pipeline.plan()
    place.pipeline.act(written=False)

    place.pipeline.shut_down("the daemon ends")
    place.until_at_rest_unwritten()

    assert place.keeper.sent == []
