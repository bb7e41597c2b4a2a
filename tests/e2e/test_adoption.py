"""A node is in execute() for hours; meanwhile the daemon, or its loader, or both, die or are replaced by new versions.
The node goes on, its run is recorded without them, and the next daemon adopts it as its own.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from gated import NODES, Gated, kill, lives, start_daemon
from place import Place, rows, wait_for

from anacostia_daemon.process.marks import VARIABLE, Mark

DISASTERS = ("the daemon is killed", "the daemon is replaced", "daemon and loader are killed")


@pytest.fixture
def gated(place: Place) -> Iterator[Gated]:
    made = Gated(place)
    yield made
    made.witness.end()


def strike(gated: Gated, disaster: str) -> None:
    place = gated.place
    loader, daemon = place.loader_pid("gated"), place.daemon_pid()
    if disaster == "the daemon is replaced":
        place.ctl("shutdown", "--leave-nodes")
        wait_for(lambda: not lives(daemon), "the daemon ends")
    else:
        kill(daemon)
    if "loader" in disaster:
        kill(loader)


@pytest.mark.parametrize("disaster", DISASTERS)
def test_a_node_in_execute_goes_on_and_is_adopted_by_the_next_daemon(gated: Gated, disaster: str) -> None:
    place = gated.place
    gated.drop(1)
    before = gated.pids()
    assert gated.executing(1) == before["job"]

    strike(gated, disaster)
    gated.let_go(1)
    gated.recorded(1)
    start_daemon(place)

    assert gated.pids() == before
    assert gated.attempts(1) == 1
    assert (place.root / "models/model.txt").read_text() == "of run 1, attempt 1\n"
    # What it adopted it supervises: an end is seen, in the middle of a task, and what ended is started again.
    gated.drop(2)
    assert gated.executing(2) == before["job"]
    kill(before["job"])
    assert gated.executing(2, attempt=2) not in before.values()
    gated.let_go(2, attempt=2)
    place.run_ended("gated", 2)
    job = place.node("gated", "job")
    assert (job["incarnation"], job["restarts"]) == (2, 1)
    assert {node: pid for node, pid in gated.pids().items() if pid != before[node]} == {"job": job["pid"]}


@pytest.mark.parametrize("disaster", DISASTERS)
def test_a_node_in_execute_is_adopted_while_it_still_executes(gated: Gated, disaster: str) -> None:
    place = gated.place
    gated.drop(1)
    before = gated.pids()
    gated.executing(1)

    strike(gated, disaster)
    start_daemon(place)

    assert gated.pids() == before
    wait_for(lambda: "executing run 1" in place.node("gated", "job")["work"], "its new daemon hears from it")
    gated.let_go(1)
    place.run_ended("gated", 1)
    assert gated.attempts(1) == 1


@pytest.mark.parametrize("disaster", DISASTERS)
def test_adopted_nodes_obey_like_all_others(gated: Gated, disaster: str) -> None:
    place = gated.place
    before = gated.pids()
    strike(gated, disaster)
    start_daemon(place)
    assert gated.pids() == before

    place.ctl("pause", "gated/job")
    gated.drop(1)
    task = "select 1 from tasks where run_id = 1 and node = 'inbox' and state = 'succeeded'"
    wait_for(lambda: rows(gated.database, task), "the run has begun")
    place.ctl("resume", "gated/job")
    assert gated.executing(1) == before["job"]
    gated.let_go(1)
    place.run_ended("gated", 1)

    place.ctl("restart", "gated/inbox")
    inbox = place.ready("gated", "inbox")
    assert (inbox["pid"] != before["inbox"], inbox["incarnation"], inbox["restarts"]) == (True, 2, 0)
    assert not lives(before["inbox"])
    assert (inbox["last_end"]["exit_code"], inbox["last_end"]["signal"]) in ((0, None), (None, None))

    place.ctl("stop", "gated")
    assert not any(map(lives, before.values()))
    assert [place.node("gated", node)["phase"] for node in NODES] == ["down"] * len(NODES)


def test_daemons_that_are_killed_again_and_again_never_start_a_second_process(gated: Gated) -> None:
    """Also those that die while the last one's orders are still under way."""
    place = gated.place
    gated.drop(1)
    gated.executing(1)
    for attempt in range(1, 6):
        pid = gated.executing(1, attempt)
        loader = place.loader_pid("gated")
        kill(pid)
        kill(place.daemon_pid())
        if attempt % 2:
            with contextlib.suppress(ProcessLookupError):
                os.kill(loader, signal.SIGKILL)
        start_daemon(place)
    gated.executing(1, attempt=6)
    gated.let_go(1, attempt=6)
    place.run_ended("gated", 1)
    assert gated.attempts(1) == 6


# ---- who is who


def edit_journal(place: Place, statement: str, *values: Any) -> None:
    """While no daemon lives."""
    with contextlib.closing(sqlite3.connect(place.home.journal)) as connection, connection:
        assert connection.execute(statement, values).rowcount == 1


@contextlib.contextmanager
def stranger(place: Place, mark: str | None = None) -> Iterator[subprocess.Popen[str]]:
    """A process that is no node; one with the mark of a node was left behind by it."""
    env = {**place.env, **({VARIABLE: mark} if mark else {})}
    process = subprocess.Popen([sys.executable, "-S", "-c", "import signal; signal.pause()"], env=env, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("left_behind", [False, True], ids=["a stranger", "a child it left behind"])
def test_a_process_that_got_the_pid_of_a_node_is_not_taken_for_it(gated: Gated, left_behind: bool) -> None:
    place = gated.place
    job = place.node("gated", "job")["pid"]
    strike(gated, "daemon and loader are killed")
    kill(job)
    mark = str(Mark(place.home.hash, "gated", "job", 1)) if left_behind else None
    with stranger(place, mark) as other:
        edit_journal(place, "UPDATE nodes SET pid = ? WHERE name = 'job'", other.pid)
        gated.witness.end()  # it would take a child that was left behind for a second process, as it should not
        start_daemon(place)

        found = place.ready("gated", "job", after=1)
        assert found["pid"] not in (job, other.pid)
        assert found["last_end"]["reason"] == "ended while no daemon watched"
        assert (other.poll() is None) is not left_behind


def test_a_node_that_the_journal_has_wrong_is_cleared_before_it_is_started_again(gated: Gated) -> None:
    """Its start time is another one: as far as anybody knows it is not that node, but it carries its mark."""
    place = gated.place
    job = place.node("gated", "job")["pid"]
    strike(gated, "daemon and loader are killed")
    edit_journal(place, "UPDATE nodes SET started = started - 1 WHERE name = 'job'")
    start_daemon(place)

    assert place.ready("gated", "job", after=1)["pid"] != job
    assert not lives(job)


def test_a_node_that_the_journal_has_forgotten_goes_on_counting_its_incarnations(gated: Gated) -> None:
    """As after a daemon that died between registering a changed file and writing down its nodes."""
    place = gated.place
    kill(place.node("gated", "job")["pid"])
    job = place.ready("gated", "job", after=1)["pid"]
    strike(gated, "daemon and loader are killed")
    kill(job)
    edit_journal(place, "DELETE FROM nodes WHERE name = 'job'")
    start_daemon(place)

    assert place.ready("gated", "job")["incarnation"] == 3
    gated.drop(1)
    gated.executing(1)
    gated.let_go(1)
    place.run_ended("gated", 1)


def test_a_node_that_the_journal_has_forgotten_is_adopted_from_its_loader(gated: Gated) -> None:
    place = gated.place
    before = gated.pids()
    strike(gated, "the daemon is killed")
    edit_journal(place, "DELETE FROM nodes WHERE name = 'job'")
    start_daemon(place)

    assert gated.pids() == before
