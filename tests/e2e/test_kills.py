"""`kill -9` of any process, ten times in a row while files arrive: every file ends in exactly one succeeded run, only
the interrupted node executes again, and nothing is recorded twice.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest
from chaos.laws import Expected, broken_laws
from place import BIN, Place, rows, wait_for

PIPELINE = Path(__file__).with_name("steady_pipeline.py")
TIMES = 10


@pytest.fixture
def steady(place: Place) -> Place:
    place.ctl("start", PIPELINE, "--", place.root)
    return place


def drop(place: Place, number: int) -> None:
    place.write(f"inbox/{number:03}.txt", "x" * number)


def kill(pid: int) -> None:
    """SIGKILL, and see that it is dead."""
    process = psutil.Process(pid)
    process.kill()
    wait_for(lambda: is_dead(process), f"{pid} is dead")


def is_dead(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def all_laws_hold(place: Place, files: int) -> None:
    database = place.root / "metadata.db"

    def settled() -> bool:
        old = rows(database, "select count(*) as n from artifacts where resource = 'inbox' and state = 'old'")
        going = rows(database, "select count(*) as n from runs where state = 'running'")
        return old[0]["n"] >= files and going[0]["n"] == 0

    wait_for(settled, f"all {files} files are in runs that ended")
    place.ctl("stop", "steady")
    folders = {"inbox": place.root / "inbox"}, {"models": place.root / "models"}
    assert not broken_laws(Expected(database, *folders, place.root / "executions.log"))


def attempts(place: Place) -> dict[tuple[int, str], int]:
    found = rows(place.root / "metadata.db", "select run_id, node, attempts from tasks where attempts > 0")
    return {(row["run_id"], row["node"]): row["attempts"] for row in found}


def start_daemon(place: Place) -> None:
    """As a service manager does."""
    place.spawn(BIN / "anacostiad", log=place.home.log)
    place.daemon_pid()


def test_an_action_killed_in_execute_executes_again_and_no_other_does(steady: Place) -> None:
    database = steady.root / "metadata.db"
    for number in range(1, TIMES + 1):
        drop(steady, number)
        where = f"run_id = {number} and node = 'work' and state = 'executing' and attempts = 1"
        wait_for(lambda: rows(database, f"select 1 from tasks where {where}"), f"work executes run {number}")  # noqa: B023
        os.kill(steady.node("steady", "work")["pid"], signal.SIGKILL)
    steady.run_ended("steady", TIMES)
    all_laws_hold(steady, TIMES)
    again = {key: count for key, count in attempts(steady).items() if count > 1}
    assert again == {(number, "work"): 2 for number in range(1, TIMES + 1)}


def test_an_action_killed_ten_times_in_one_run_finishes_it(steady: Place) -> None:
    database = steady.root / "metadata.db"
    drop(steady, 1)
    for attempt in range(1, TIMES + 1):
        where = f"run_id = 1 and node = 'work' and state = 'executing' and attempts = {attempt}"
        wait_for(lambda: rows(database, f"select 1 from tasks where {where}"), f"attempt {attempt} executes")  # noqa: B023
        # Who stood by may execute before the daemon has heard its pid.
        os.kill(wait_for(lambda: steady.node("steady", "work")["pid"], "its pid is known"), signal.SIGKILL)
    steady.run_ended("steady", 1)
    all_laws_hold(steady, 1)
    assert attempts(steady) == {(1, "work"): TIMES + 1, (1, "report"): 1}


@pytest.mark.parametrize("node", ["metadata_store", "inbox", "report"])
def test_a_node_killed_ten_times_in_a_row_loses_nothing(steady: Place, node: str) -> None:
    incarnation = 0
    for number in range(1, TIMES + 1):
        drop(steady, number)
        found = steady.ready("steady", node, after=incarnation)
        incarnation = found["incarnation"]
        kill(found["pid"])
    steady.ready("steady", node, after=incarnation)
    all_laws_hold(steady, TIMES)
    if node != "report":
        assert set(attempts(steady).values()) == {1}


def test_the_loader_killed_ten_times_in_a_row_with_a_node_loses_nothing(steady: Place) -> None:
    """Without its loader a pipeline runs on; the next node that has to be started brings a new one."""
    incarnation = 0
    for number in range(1, TIMES + 1):
        found = steady.ready("steady", "work", after=incarnation)
        incarnation = found["incarnation"]
        kill(wait_for(lambda: steady.loader_pid("steady"), "there is a loader"))
        drop(steady, number)
        kill(found["pid"])
    steady.ready("steady", "work", after=incarnation)
    all_laws_hold(steady, TIMES)


def test_runs_go_on_while_no_loader_lives(steady: Place) -> None:
    before = {each["name"]: each["pid"] for each in steady.json("status", "steady")["pipelines"][0]["nodes"]}
    kill(steady.loader_pid("steady"))
    drop(steady, 1)
    steady.run_ended("steady", 1)
    assert before == {each["name"]: each["pid"] for each in steady.json("status", "steady")["pipelines"][0]["nodes"]}
    all_laws_hold(steady, 1)


def test_the_daemon_killed_ten_times_in_a_row_loses_nothing_and_finds_its_nodes_again(steady: Place) -> None:
    pids = {each["name"]: each["pid"] for each in steady.json("status", "steady")["pipelines"][0]["nodes"]}
    for number in range(1, TIMES + 1):
        drop(steady, number)
        kill(steady.daemon_pid())
        start_daemon(steady)
    for node, pid in pids.items():
        assert steady.ready("steady", node)["pid"] == pid, f"{node} was not adopted"
    all_laws_hold(steady, TIMES)
    assert set(attempts(steady).values()) == {1}


def test_runs_go_on_while_no_daemon_lives(steady: Place) -> None:
    kill(steady.daemon_pid())
    for number in range(1, 4):
        drop(steady, number)
        found = f"select 1 from runs where id = {number} and state = 'succeeded'"
        wait_for(lambda: rows(steady.root / "metadata.db", found), f"run {number} succeeds")  # noqa: B023
    assert steady.ctl("status", code=69).stderr.startswith(("cannot reach the daemon", "anacostiactl: cannot reach"))
    start_daemon(steady)
    all_laws_hold(steady, 3)


def test_a_node_that_dies_while_no_daemon_lives_is_replaced_by_the_next_daemon(steady: Place) -> None:
    before = steady.node("steady", "work")
    kill(steady.daemon_pid())
    kill(before["pid"])
    drop(steady, 1)
    start_daemon(steady)
    steady.ready("steady", "work", after=before["incarnation"])
    all_laws_hold(steady, 1)


def test_all_processes_killed_at_once_are_back_after_the_daemon_is(steady: Place) -> None:
    for number in range(1, 4):
        drop(steady, number)
        drop(steady, number + 10)
        for process in steady.processes():
            process.kill()
        wait_for(lambda: not steady.processes(), "everything is dead")
        start_daemon(steady)
        steady.ready("steady", "report")
    all_laws_hold(steady, 6)


def test_what_was_stopped_stays_stopped_after_the_daemon_was_killed(steady: Place) -> None:
    steady.ctl("stop", "steady")
    kill(steady.daemon_pid())
    start_daemon(steady)
    assert steady.json("status")["pipelines"][0]["desired"] == "down"
    drop(steady, 1)
    steady.ctl("start", "steady")
    all_laws_hold(steady, 1)
