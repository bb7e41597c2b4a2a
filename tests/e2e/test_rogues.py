"""Each rogue, beside a pipeline that behaves: the run ends as promised, and the neighbour never notices."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from place import ROOT, Place, wait_for

ROGUES = ROOT / "tests/rogues/pipeline.py"


@pytest.fixture
def beside(place: Place) -> Iterator[Place]:
    """A place where the haiku pipeline runs already; afterwards it must be as it was, and work."""
    place.ctl("start", ROOT / "examples/haiku/pipeline.py", "--", place.root / "neighbour")
    daemon = place.daemon_pid()
    before = [each["pid"] for each in place.json("status", "haiku")["pipelines"][0]["nodes"]]
    yield place
    assert place.daemon_pid() == daemon
    assert [each["pid"] for each in place.json("status", "haiku")["pipelines"][0]["nodes"]] == before
    place.write("neighbour/haikus/pond.txt", "an old silent pond\n")
    place.run_ended("haiku", 1)


def start(place: Place, rogue: str, times: int = 1) -> None:
    place.ctl("start", ROGUES, "--", rogue, place.root, str(times))
    place.write("inbox/first.txt", "1")


def attempts(run: dict[str, Any]) -> dict[str, tuple[str, int]]:
    return {
        each["node"]: (each["state"], each["attempts"]) for each in run["tasks"] if each["node"] in ("rogue", "after")
    }


@pytest.mark.parametrize("rogue", ["crashes_in_execute", "segfaults", "exits_at_once", "exits_zero_early"])
def test_a_node_that_dies_in_execute_comes_back_and_the_run_succeeds(beside: Place, rogue: str) -> None:
    start(beside, rogue)
    run = beside.run_ended(rogue, 1)
    assert attempts(run) == {"rogue": ("succeeded", 2), "after": ("succeeded", 1)}
    assert beside.node(rogue, "rogue")["incarnation"] == 2
    assert beside.node(rogue, "rogue")["restarts"] == 1
    assert beside.node(rogue, "after")["incarnation"] == 1
    assert [each["value"] for each in beside.json("metrics", rogue)] == [1.0]


def test_status_and_journal_say_how_a_segfault_ended_the_process(beside: Place) -> None:
    start(beside, "segfaults")
    beside.run_ended("segfaults", 1)
    assert beside.node("segfaults", "rogue")["last_end"]["signal"] in (signal.SIGSEGV, "SIGSEGV")
    reasons = [each["reason"] for each in beside.json("journal", "segfaults")]
    assert any("SIGSEGV" in reason for reason in reasons), reasons


def test_an_artifact_that_crashes_its_node_each_time_fails_its_run_and_not_the_node(beside: Place) -> None:
    start(beside, "segfaults", times=1000)
    run = beside.run_ended("segfaults", 1, "failed")
    assert attempts(run) == {"rogue": ("error", 3), "after": ("skipped", 0)}
    assert [each["state"] for each in beside.json("artifacts", "segfaults")] == ["failed"]
    beside.ready("segfaults", "rogue", after=3)


@pytest.mark.parametrize("rogue", ["stops_itself", "holds_the_gil", "catastrophic_regex"])
def test_a_node_that_hangs_is_found_by_its_heartbeat_and_replaced(beside: Place, rogue: str) -> None:
    start(beside, rogue)
    run = beside.run_ended(rogue, 1)
    assert attempts(run) == {"rogue": ("succeeded", 2), "after": ("succeeded", 1)}
    reasons = " ".join(each["reason"] for each in beside.json("journal", rogue))
    assert "heartbeat" in reasons or "beat" in reasons, reasons


def test_a_node_that_ignores_sigterm_is_killed_after_its_stop_timeout(beside: Place) -> None:
    start(beside, "ignores_sigterm")
    beside.run_ended("ignores_sigterm", 1)
    beside.ctl("stop", "ignores_sigterm")
    node = beside.node("ignores_sigterm", "rogue")
    assert (node["phase"], node["pid"]) == ("down", None)
    assert node["last_end"]["signal"] in (signal.SIGKILL, "SIGKILL")
    assert beside.node("ignores_sigterm", "after")["last_end"]["exit_code"] == 0


def test_a_node_that_is_never_ready_ends_as_failed_and_start_says_so(beside: Place) -> None:
    done = beside.ctl("start", ROGUES, "--", "never_ready", beside.root, code=None)
    assert done.returncode != 0
    assert "rogue" in done.stderr
    wait_for(lambda: beside.node("never_ready", "rogue")["phase"] == "failed", "the rogue is given up")
    after = beside.node("never_ready", "after")
    assert after["phase"] == "down" and "rogue" in after["reason"]
    assert beside.ctl("status", "never_ready", code=3).stdout


def test_a_node_whose_setup_raises_ends_as_failed_and_the_error_is_told(beside: Place) -> None:
    done = beside.ctl("start", ROGUES, "--", "setup_raises", beside.root, code=None)
    assert done.returncode != 0
    assert "there is no model at /nowhere/model.bin" in done.stderr
    assert "there is no model at /nowhere/model.bin" in beside.node("setup_raises", "rogue")["reason"]
    assert "FileNotFoundError" in beside.ctl("logs", "setup_raises/rogue").stdout


def test_what_a_node_started_goes_with_it_wherever_it_hides(beside: Place) -> None:
    start(beside, "forks_grandchildren")
    run = beside.run_ended("forks_grandchildren", 1)
    assert attempts(run) == {"rogue": ("succeeded", 2), "after": ("succeeded", 1)}
    hidden = [each for each in beside.processes() if "signal.pause()" in " ".join(each.cmdline())]
    assert not hidden


def test_output_that_is_no_text_is_kept_and_shown(beside: Place) -> None:
    start(beside, "prints_garbage")
    beside.run_ended("prints_garbage", 1)
    shown = beside.ctl("logs", "prints_garbage/rogue").stdout
    assert "no text" in shown and "an unfinished line" in shown


def test_output_that_floods_is_kept_and_holds_up_nobody(beside: Place) -> None:
    start(beside, "floods_stdout")
    run = beside.run_ended("floods_stdout", 1)
    assert attempts(run) == {"rogue": ("succeeded", 1), "after": ("succeeded", 1)}
    shown = beside.ctl("logs", "floods_stdout/rogue", "-n", "3").stdout
    assert "this was all" in shown and len(shown.splitlines()) <= 4
    assert beside.home.log_file("floods_stdout", "rogue").stat().st_size > 48 << 20


def test_memory_that_runs_out_is_an_error_of_the_task_and_the_node_lives_on(beside: Place) -> None:
    start(beside, "memory_balloon")
    run = beside.run_ended("memory_balloon", 1, "failed")
    assert attempts(run) == {"rogue": ("error", 1), "after": ("skipped", 0)}
    assert "MemoryError" in error(run)
    node = beside.node("memory_balloon", "rogue")
    assert (node["phase"], node["incarnation"]) == ("ready", 1)


def test_a_node_whose_child_hoards_memory_is_replaced_and_its_run_succeeds(beside: Place) -> None:
    start(beside, "hoards_memory")
    run = beside.run_ended("hoards_memory", 1)
    assert attempts(run) == {"rogue": ("succeeded", 2), "after": ("succeeded", 1)}
    node = beside.node("hoards_memory", "rogue")
    assert node["incarnation"] == 2 and "more than its memory_limit of 192 MiB" in node["last_end"]["reason"]


def test_a_node_that_closes_its_sockets_is_replaced(beside: Place) -> None:
    start(beside, "closes_its_sockets")
    run = beside.run_ended("closes_its_sockets", 1)
    assert attempts(run) == {"rogue": ("succeeded", 2), "after": ("succeeded", 1)}
    assert beside.ready("closes_its_sockets", "rogue")["incarnation"] == 2


def test_an_endless_loop_beats_and_is_ended_by_force_where_somebody_says_so(beside: Place) -> None:
    start(beside, "endless_loop")
    wait_for(lambda: "executing run 1" in beside.node("endless_loop", "rogue").get("work", ""), "it loops")
    beside.ctl("stop", "endless_loop/rogue")
    node = beside.node("endless_loop", "rogue")
    assert (node["phase"], node["pid"], node["last_end"]["signal"]) == ("down", None, signal.SIGKILL)
    beside.ctl("start", "endless_loop/rogue")
    run = beside.run_ended("endless_loop", 1)
    assert attempts(run) == {"rogue": ("succeeded", 2), "after": ("succeeded", 1)}


def test_hooks_that_raise_are_recorded_and_change_no_result(beside: Place) -> None:
    rogue = "raises_in_each_hook"
    start(beside, rogue)
    expected = [
        ("succeeded", "succeeded", ["before_execution", "on_success", "after_execution"]),
        ("failed", "failed", ["before_execution", "on_failure", "after_execution"]),
        ("failed", "error", ["before_execution", "on_error", "after_execution"]),
    ]
    for number, (ended, state, hooks) in enumerate(expected, 1):
        run = beside.run_ended(rogue, number, ended)
        assert attempts(run)["rogue"] == (state, 1)
        for hook in ("before_execution", "on_success", "on_failure", "on_error", "after_execution"):
            assert (f"{hook} is broken" in error(run)) is (hook in hooks), (hook, error(run))
        beside.write(f"inbox/{number}.txt", str(number))
    assert "ValueError: the third run" in error(run)
    assert beside.node(rogue, "rogue")["incarnation"] == 1
    beside.ctl("stop", f"{rogue}/rogue")
    assert beside.node(rogue, "rogue")["last_end"]["exit_code"] == 0
    assert "on_exit is broken" in beside.log(rogue, "rogue")


def error(run: dict[str, Any]) -> str:
    text: str = next(each["error"] for each in run["tasks"] if each["node"] == "rogue")
    return text
