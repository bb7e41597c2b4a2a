"""A node takes along everything it started, however it ends and whoever lives to see it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import psutil
import pytest
from gated import kill, lives, start_daemon
from place import ROOT, Place, wait_for

ROGUES = ROOT / "tests/rogues/pipeline.py"
FAMILY = {
    *("child", "own-group", "own-session", "no-mark", "orphan", "orphan-in-a-session", "forked", "forked-session"),
    *("daemon", "shell", "pool", "executor-fork", "executor-spawn"),
}
NAME = "forks_a_family"


class Family:
    """Of a node that is in execute(), in its first attempt."""

    def __init__(self, place: Place) -> None:
        self.place = place
        place.ctl("start", ROGUES, "--", NAME, place.root)
        place.write("inbox/first.txt", "1")
        wait_for(lambda: set(self.known()) >= FAMILY, "the whole family is there")
        self.leader: int = place.node(NAME, "rogue")["pid"]
        self.members = {pid for pids in self.known().values() for pid in pids}
        # The stages of the pipeline and the helpers of the pools, which have written nothing down.
        for each in psutil.Process(self.leader).children(recursive=True):
            self.members |= {each.pid, *(child.pid for child in each.children(recursive=True))}
        assert len(self.members) >= len(FAMILY) + 4
        assert all(map(lives, self.members))

    def known(self) -> dict[str, list[int]]:
        log = self.place.root / "family.log"
        found: dict[str, list[int]] = {}
        for line in log.read_text().splitlines() if log.exists() else []:
            how, pid = line.split()
            found.setdefault(how, []).append(int(pid))
        return found

    def living(self) -> list[str]:
        names = {pid: how for how, pids in self.known().items() for pid in pids}
        return [f"{names.get(pid, 'unnamed')} {pid}" for pid in sorted({self.leader, *self.members}) if lives(pid)]


@pytest.fixture
def family(place: Place) -> Iterator[Family]:
    made = Family(place)
    yield made
    left = made.living()
    for pid in filter(lives, made.members):
        os.kill(pid, signal.SIGKILL)  # of a test that failed: some of them nothing else would find
    assert not left


def replaced_and_done(family: Family) -> None:
    """The next attempt behaves; when it began, nobody was left."""
    family.place.ready(NAME, "rogue", after=1)
    assert not family.living()
    run = family.place.run_ended(NAME, 1)
    assert {each["node"]: each["attempts"] for each in run["tasks"]}["rogue"] == 2


def test_the_family_of_a_node_that_is_stopped_goes_with_it(family: Family) -> None:
    (family.place.root / "enough").touch()
    family.place.run_ended(NAME, 1)
    assert family.living()
    family.place.ctl("stop", f"{NAME}/rogue")
    assert not family.living()
    assert family.place.node(NAME, "rogue")["last_end"]["exit_code"] == 0


def test_the_family_of_a_node_that_is_stopped_by_force_goes_with_it(family: Family) -> None:
    family.place.ctl("stop", NAME)
    assert not family.living()
    assert family.place.node(NAME, "rogue")["last_end"]["signal"] is not None


def test_the_family_of_a_node_that_is_killed_goes_with_it(family: Family) -> None:
    kill(family.leader)
    replaced_and_done(family)


def test_the_family_of_a_node_that_dies_with_its_loader_goes_with_it(family: Family) -> None:
    kill(family.place.loader_pid(NAME))
    kill(family.leader)
    replaced_and_done(family)


@pytest.mark.parametrize("loader", ["lives", "is dead too"])
def test_the_family_of_a_node_that_dies_while_no_daemon_lives_is_cleared_by_the_next(
    family: Family, loader: str
) -> None:
    pid = family.place.loader_pid(NAME)
    kill(family.place.daemon_pid())
    if loader == "is dead too":
        kill(pid)
    kill(family.leader)
    start_daemon(family.place)
    replaced_and_done(family)


def test_the_family_of_an_adopted_node_goes_with_it(family: Family) -> None:
    kill(family.place.loader_pid(NAME))
    kill(family.place.daemon_pid())
    start_daemon(family.place)
    assert family.place.ready(NAME, "rogue", within=60)["pid"] == family.leader
    kill(family.leader)
    replaced_and_done(family)


def test_a_daemon_that_shuts_down_leaves_nobody(family: Family) -> None:
    family.place.ctl("shutdown")
    assert not family.living()
    assert not family.place.processes()
