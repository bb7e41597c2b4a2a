"""Runs that a person cancels and retries, while the nodes are at work, wait, or are away."""

from __future__ import annotations

import os
import signal

import pytest
from flows import Flow
from place import BIN, Place, wait_for

pytestmark = pytest.mark.timeout(90)


def test_a_run_that_is_cancelled_stops_whoever_executes_it_and_records_nothing(place: Place) -> None:
    kinds = ("sleep", "ask", "swallow", "stubborn")
    flows = {kind: Flow(place, kind, diamond=False, first={"stop_timeout": 0.4}) for kind in kinds}
    for kind, flow in flows.items():
        flow.do(kind, "first", 1)
        flow.drop()
    for flow in flows.values():
        flow.executes("first", 1)
        assert flow.ctl("cancel", 1).stdout == f"cancelled run 1 of pipeline '{flow.name}'\n"
    for kind, flow in flows.items():
        states = flow.states(1, "cancelled")
        assert states == {"first": "cancelled", "last": "cancelled"}
        flow.drop()
        flow.ended(2)
        assert flow.task(1, "first")["attempts"] == 1
        assert flow.task(1, "first")["error"] == "run 1 was cancelled by hand"
        assert flow.artifacts("failed")["001.txt"]["reason"] == "run 1 was cancelled by hand"
        assert flow.hooks("last", 1) == []
        wait_for(lambda flow=flow: flow.staged() == [], "staging is cleared")  # type: ignore[misc]
        assert flow.incarnation("first") == (2 if kind == "stubborn" else 1), kind
    for kind in ("sleep", "ask", "swallow"):
        assert flows[kind].hooks("first", 1)[-2:] == ["1 on_error", "1 after_execution"]
    assert "run 1 was cancelled, and it did not let go of its task within 0.4 s" in flows["stubborn"].journal("first")


def test_a_task_that_waits_for_its_next_attempt_or_for_its_turn_is_dropped(place: Place) -> None:
    flow = Flow(place, "waiting", diamond=False, runs=3, first={"retries": 1, "retry_delay": 0.5})
    flow.do("fail", "first", 1)
    flow.do("wait", "first", 2)
    flow.drop()
    flow.is_pending(1, "first")
    flow.drop()
    flow.executes("first", 2)  # until past the delay of run 1
    flow.drop()
    wait_for(lambda: len(place.runs("waiting")) == 3, "run 3 has begun")
    flow.ctl("cancel", 1)
    flow.ctl("cancel", 3)
    flow.go("first", 2)
    flow.ended(2)
    flow.drop()
    flow.ended(4)
    assert flow.states(1, "cancelled") == {"first": "cancelled", "last": "cancelled"}
    assert flow.states(3, "cancelled") == {"first": "cancelled", "last": "cancelled"}
    assert len(flow.begun("first", 1)) == 1
    assert flow.begun("first", 3) == []
    assert flow.incarnation("first") == 1


def test_a_run_cancelled_while_its_node_is_down_is_not_executed_when_it_comes_back(place: Place) -> None:
    flow = Flow(place, "away", diamond=False)
    place.ctl("stop", "away/first")
    flow.drop()
    wait_for(lambda: place.runs("away"), "run 1 has begun")
    flow.ctl("cancel", 1)
    place.ctl("start", "away/first")
    flow.drop()
    flow.ended(2)
    assert flow.begun("first", 1) == []


def test_a_daemon_that_has_just_come_back_reaches_the_nodes_that_it_found(place: Place) -> None:
    flow = Flow(place, "found", diamond=False)
    flow.do("sleep", "first", 1)
    flow.drop()
    flow.executes("first", 1)
    os.kill(place.daemon_pid(), signal.SIGKILL)
    wait_for(lambda: place.ask("version") is None, "the daemon is gone")
    place.spawn(BIN / "anacostiad", log=place.home.log)
    wait_for(lambda: place.node("found", "metadata_store").get("phase") == "ready", "the store is adopted")
    flow.ctl("cancel", 1)
    wait_for(lambda: "1 on_error" in flow.hooks("first", 1), "the node has heard of it")
    flow.drop()
    flow.ended(2)
    assert flow.incarnation("first") == 1


def test_a_run_that_failed_goes_on_from_what_failed_or_from_a_node_that_is_named(place: Place) -> None:
    flow = Flow(place, "again")
    flow.do("raise", "left", 1)
    flow.drop()
    flow.ended(1, "failed")
    flow.do("", "left", 1)
    assert flow.ctl("retry", 1).stdout == "retrying run 1 of pipeline 'again'\n"
    assert set(flow.states(1, "succeeded").values()) == {"succeeded"}
    counts = {node: len(flow.begun(node, 1)) for node in ("first", "left", "right", "both", "any", "last")}
    assert counts == {"first": 1, "left": 2, "right": 1, "both": 1, "any": 1, "last": 1}
    assert flow.artifacts("old")["001.txt"]["reason"] is None

    assert place.json("retry", "again", "1", "--from", "right") == {"pipeline": "again", "run_id": 1}
    wait_for(lambda: len(flow.begun("last", 1)) == 2, "the last node executes once more")
    flow.ended(1)
    counts = {node: len(flow.begun(node, 1)) for node in ("first", "left", "right", "both", "any", "last")}
    assert counts == {"first": 1, "left": 2, "right": 2, "both": 2, "any": 2, "last": 2}
    assert flow.rows("select value from metrics where node = 'right'") == [{"value": 2.0}]
    assert (flow.folder / "models/right.txt").read_text() == "run 1, attempt 2\n"


def test_a_cancelled_run_that_is_retried_at_once_is_executed_to_its_end(place: Place) -> None:
    flow = Flow(place, "at-once", diamond=False)
    flow.do("sleep", "first", 1, 1)
    flow.drop()
    flow.executes("first", 1)
    flow.ctl("cancel", 1)
    flow.ctl("retry", 1)
    tasks = flow.ended(1)
    assert (tasks["first"]["attempts"], tasks["last"]["state"]) == (2, "succeeded")


def test_what_cannot_be_cancelled_or_retried_is_said_with_its_exit_code(place: Place) -> None:
    flow = Flow(place, "refusing", diamond=False)
    flow.do("wait", "first", 2)
    flow.drop()
    flow.ended(1)
    flow.drop()
    flow.executes("first", 2)

    def refused(code: int, *words: object) -> str:
        command, *rest = words
        return flow.ctl(str(command), *rest, code=code).stderr

    assert "cannot cancel run 9 of pipeline 'refusing': there is no such run" in refused(4, "cancel", 9)
    assert "cannot retry run 9 of pipeline 'refusing': there is no such run" in refused(4, "retry", 9)
    assert "cannot cancel run 1 of pipeline 'refusing': it has already succeeded" in refused(1, "cancel", 1)
    assert "cannot retry run 1 of pipeline 'refusing': it succeeded; name the node" in refused(1, "retry", 1)
    assert "cannot retry run 2 of pipeline 'refusing': it is running" in refused(1, "retry", 2)
    assert "from 'frist': the pipeline has no such node" in refused(4, "retry", 1, "--from", "frist")
    assert "from 'inbox': it is no action" in refused(1, "retry", 1, "--from", "inbox")
    assert "cannot cancel a run of pipeline 'refusign'" in place.ctl("cancel", "refusign", "1", code=4).stderr
    place.ctl("stop", "refusing")
    for command in ("cancel", "retry"):
        said = refused(3, command, 1)
        assert f"cannot {command} run 1 of pipeline 'refusing': its metadata store 'metadata_store' is down" in said
