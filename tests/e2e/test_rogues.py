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


@pytest.mark.parametrize("rogue", ["stops_itself", "holds_the_gil"])
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
