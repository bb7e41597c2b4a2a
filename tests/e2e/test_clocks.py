"""The wall clock jumps by a day, ahead or back: no deadline moves, nothing is ordered wrongly, nobody is lost.

Daemon, loader and nodes run under libfaketime, which fakes the wall clock and leaves the monotonic one alone.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from gated import NODES, Gated, kill, lives, start_daemon
from place import BIN, Place, wait_for

LIBRARY = next(
    (each for folder in ("/usr/lib", "/usr/local/lib") for each in Path(folder).glob("**/faketime/libfaketime.so.1")),
    None,
)
DAY = 86400
SOON = 20.0  # seconds; nothing here takes a fifth of it, and a deadline that moved would come in a day

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="needs libfaketime: apt-get install faketime")


class Clock:
    """The wall clock of all processes of a place."""

    def __init__(self, place: Place) -> None:
        self.file = place.write("clock", "+0")
        place.env |= {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.place = place

    def jump(self, days: int) -> None:
        self.place.write("clock", f"{days * DAY:+d}")


@pytest.fixture
def clock(place: Place) -> Clock:
    return Clock(place)


@pytest.fixture
def gated(place: Place, clock: Clock) -> Iterator[Gated]:
    made = Gated(place, heartbeat_timeout=2.5)
    yield made
    made.witness.end()


JUMPS = pytest.mark.parametrize("days", [1, -1], ids=["ahead", "back"])


@JUMPS
def test_a_jump_replaces_no_node_and_a_hung_one_is_still_found_in_time(gated: Gated, clock: Clock, days: int) -> None:
    place, before = gated.place, gated.pids()
    gated.drop(1)
    gated.executing(1)
    clock.jump(days)
    os.kill(before["job"], signal.SIGSTOP)
    began = time.monotonic()

    gated.executing(1, attempt=2)

    assert 0.5 < time.monotonic() - began < SOON
    assert {node for node, pid in gated.pids().items() if pid != before[node]} == {"job"}
    gated.let_go(1, attempt=2)
    place.run_ended("gated", 1)
    assert "job killing: no heartbeat for 2.5 s" in gated.ends()


@JUMPS
def test_a_jump_changes_no_backoff(gated: Gated, clock: Clock, days: int) -> None:
    place = gated.place
    kill(place.node("gated", "after")["pid"])
    kill(place.ready("gated", "after", after=1)["pid"])
    wait_for(lambda: place.node("gated", "after")["phase"] == "backoff", "it waits before its second restart")
    began = time.monotonic()

    clock.jump(days)

    place.ready("gated", "after", after=2, within=SOON)
    assert time.monotonic() - began > 0.5  # of 1 s, the way here taken off
    assert any("waits 1 s" in each for each in gated.ends())


@JUMPS
def test_a_jump_changes_no_stop_timeout(gated: Gated, clock: Clock, days: int) -> None:
    place = gated.place
    (place.root / "stubborn").touch()
    place.ctl("restart", "gated/after")
    pid = place.node("gated", "after")["pid"]
    began = time.monotonic()
    stopping = place.spawn(BIN / "anacostiactl", "stop", "gated/after", log=place.root / "stop.log")
    wait_for(lambda: place.node("gated", "after")["phase"] == "stopping", "it is asked to stop")

    clock.jump(days)

    assert stopping.wait(SOON) == 0
    assert 1.0 <= time.monotonic() - began < SOON
    assert not lives(pid)
    assert any("did not stop within 1 s" in each for each in gated.ends())


@JUMPS
def test_runs_and_journal_stay_in_order_across_a_jump(gated: Gated, clock: Clock, days: int) -> None:
    place = gated.place
    gated.drop(1)
    gated.let_go(1)
    place.run_ended("gated", 1)
    clock.jump(days)
    for number in (2, 3):
        gated.drop(number)
        gated.let_go(number)
        place.run_ended("gated", number)

    runs = place.json("runs", "gated")
    assert sorted((each["id"] for each in runs), reverse=True) == [each["id"] for each in runs] == [3, 2, 1]
    started = [datetime.fromisoformat(each["started_at"]) for each in reversed(runs)]
    assert abs((started[1] - started[0]).total_seconds() - days * DAY) < 60  # the clock did jump
    claimed = {each["location"]: each["run_id"] for each in place.json("artifacts", "gated")}
    assert [claimed[f"{number:03}.txt"] for number in (1, 2, 3)] == [1, 2, 3]
    place.ctl("restart", "gated/after")
    told = [each["incarnation"] for each in place.json("journal", "gated") if each["node"] == "after"]
    assert told == sorted(told) and set(told) >= {1, 2}


@JUMPS
@pytest.mark.parametrize("loader", ["with its loader", "without its loader"])
def test_a_node_is_adopted_though_the_clock_jumped_while_no_daemon_lived(
    gated: Gated, clock: Clock, days: int, loader: str
) -> None:
    place = gated.place
    gated.drop(1)
    gated.executing(1)
    before = gated.pids()
    loader_pid = place.loader_pid("gated")
    kill(place.daemon_pid())
    if loader == "without its loader":
        kill(loader_pid)
    clock.jump(days)
    start_daemon(place)

    assert gated.pids() == before
    assert [place.node("gated", node)["incarnation"] for node in NODES] == [1] * len(NODES)
    gated.let_go(1)
    place.run_ended("gated", 1)
    assert gated.attempts(1) == 1
