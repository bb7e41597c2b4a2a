"""A look at the process table that raises leaves no node in `killing` for ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from anacostia_daemon.core.ends import REKILL
from anacostia_daemon.core.events import Exited
from anacostia_daemon.core.node import new_node
from anacostia_daemon.paths import Home
from anacostia_daemon.process.family import Head
from anacostia_daemon.process.memory import OutOfMemory
from anacostia_daemon.process.reaper import Reaper
from anacostia_daemon.supervisor import clearing
from anacostia_daemon.supervisor.keeper import LoaderKeeper, Recipe
from anacostia_daemon.supervisor.link import Link
from anacostia_daemon.supervisor.loop import Loop
from anacostia_daemon.supervisor.pipeline import Pipeline, Surroundings
from node_sdk.graph import GraphSpec, NodeSpec

STORE = NodeSpec(name="store", kind="metadata_store", type="S", base_type="S")


class Place:
    """A pipeline of one node, whose last incarnation an earlier daemon left behind."""

    def __init__(self, folder: Path) -> None:
        self.now = 100.0
        self.loop = Loop(lambda: self.now)
        home, reaper = Home(folder), Reaper()
        self.link = Link(self.loop, folder / "link.sock", lambda message: None, lambda *key: True)
        around = Surroundings(self.loop, home, self.link, reaper, OutOfMemory())
        keeper = LoaderKeeper(self.loop, home, reaper, Recipe(file="/p.py", cwd="/", python="python"))
        self.pipeline = Pipeline(around, GraphSpec(name="p", nodes=(STORE,)), keeper, "down", {
            "store": (new_node(STORE, 3, orphan=True), "down")
        })  # fmt: skip

    @property
    def phase(self) -> str:
        return self.pipeline.nodes["store"].state.phase

    def turn(self) -> None:
        self.loop.turn(0)
        self.pipeline.act(True)


@pytest.fixture
def place(short: Path) -> Iterator[Place]:
    made = Place(short)
    yield made
    made.pipeline.close()
    made.link.close()
    made.loop.close()


def test_a_clearing_whose_look_raised_is_begun_anew_when_its_time_is_over(
    place: Place, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    looks: list[int] = []

    def look(*given: object) -> list[object]:
        looks.append(len(looks))
        if len(looks) == 1:
            raise OSError("too many open files")
        return []

    monkeypatch.setattr(clearing, "family", look)
    place.pipeline.feed("store", Exited(3, None, None, "ended while no daemon watched"))
    for _ in range(5):
        place.turn()
    assert (looks, place.phase) == ([0], "killing")
    assert "too many open files" in capfd.readouterr().err

    place.now += REKILL
    for _ in range(3):
        place.turn()

    assert (looks, place.phase) == ([0, 1], "down")


def test_what_was_known_of_earlier_incarnations_is_forgotten_when_nothing_is_left_of_them(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clearing, "family", lambda *given: [])
    node = place.pipeline.nodes["store"]
    node.died_unseen = {number: Head(1, 1.0, unseen=True) for number in (1, 2, 3)}
    node.ready_before = {3: 1.0}
    place.pipeline.feed("store", Exited(3, None, None, "ended while no daemon watched"))
    for _ in range(3):
        place.turn()

    assert place.phase == "down"
    assert (node.died_unseen, node.ready_before) == ({}, {})
