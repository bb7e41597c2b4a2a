"""How tasks fail, and what follows: retries, timeouts, hooks, trigger rules, poison. Several pipelines per daemon."""

from __future__ import annotations

import pytest
from flows import Flow
from place import Place, wait_for

pytestmark = pytest.mark.timeout(90)


def test_an_attempt_that_fails_is_tried_again_after_its_delay_while_other_runs_go_on(place: Place) -> None:
    flow = Flow(place, "patient", diamond=False, runs=2, first={"retries": 2, "retry_delay": 0.6})
    flow.do("raise", "first", 1)
    run = flow.drop()
    flow.is_pending(run, "first")
    other = flow.drop()
    flow.ended(other)
    tasks = flow.ended(run, "failed")
    assert (tasks["first"]["state"], tasks["first"]["attempts"]) == ("error", 3)
    assert tasks["first"]["error"].startswith("ValueError: no good\nTraceback")
    assert tasks["last"]["state"] == "skipped"
    one, two, three = flow.begun("first", run)
    assert 0.6 <= two - one < 2
    assert 1.2 <= three - two < 3
    assert one < flow.begun("first", other)[0] < two
    hooks = ["before_execution", "execute", "on_error", "after_execution"]
    assert flow.hooks("first", run) == [f"{attempt} {hook}" for attempt in (1, 2, 3) for hook in hooks]
    assert flow.incarnation("first") == 1
    assert flow.staged() == []


def test_a_task_that_succeeds_in_the_end_has_its_run_succeed_and_counts_once(place: Place) -> None:
    flow = Flow(place, "late", diamond=False, first={"retries": 3})
    flow.do("fail", "first", 1, 1)
    flow.do("raise", "first", 1, 2)
    tasks = flow.ended(flow.drop())
    assert (tasks["first"]["attempts"], tasks["first"]["error"]) == (3, None)
    assert [each["value"] for each in flow.rows("select value from metrics where node = 'first'")] == [3.0]
    assert (flow.folder / "models/first.txt").read_text() == "run 1, attempt 3\n"
    assert "1 on_failure" in flow.hooks("first", 1)


def test_a_restart_does_not_shorten_the_wait_for_the_next_attempt(place: Place) -> None:
    flow = Flow(place, "restarted", diamond=False, first={"retries": 1, "retry_delay": 2.0})
    flow.do("fail", "first", 1, 1)
    run = flow.drop()
    flow.is_pending(run, "first")
    place.ctl("restart", "restarted/first")
    assert flow.task(run, "first")["state"] == "pending"
    tasks = flow.ended(run)
    assert tasks["first"]["attempts"] == 2
    one, two = flow.begun("first", run)
    assert 1.9 <= two - one < 6


def test_a_task_that_takes_too_long_is_called_back_or_its_process_replaced(place: Place) -> None:
    kinds = ("sleep", "ask", "swallow", "stubborn", "deep")
    flows = {
        kind: Flow(place, kind, diamond=False, first={"retries": 1, "timeout": 0.4, "stop_timeout": 0.4})
        for kind in kinds
    }
    for kind, flow in flows.items():
        flow.do(kind, "first", 1, 1)  # succeeds at the second try
        flow.do(kind, "first", 2)  # never does
        flow.drop()
    for kind, flow in flows.items():
        first = flow.ended(1)["first"]
        assert first["attempts"] == 2, kind
        assert flow.task(1, "first")["crashes"] == 0, kind
        flow.drop()
    for kind, flow in flows.items():
        tasks = flow.ended(2, "failed")
        assert (tasks["first"]["state"], tasks["first"]["attempts"]) == ("error", 2), kind
        assert tasks["first"]["error"].startswith("did not end within its timeout of 0.4 s"), kind
        assert tasks["last"]["state"] == "skipped"
        assert flow.task(2, "first")["crashes"] == 0, kind
        assert flow.rows("select * from tasks where state = 'executing'") == []
    for kind in ("sleep", "ask", "swallow"):
        flow = flows[kind]
        assert flow.incarnation("first") == 1, kind
        assert flow.hooks("first", 2)[-2:] == ["2 on_error", "2 after_execution"]
        assert flow.staged() == []
    for kind in ("stubborn", "deep"):
        flow = flows[kind]
        wait_for(lambda flow=flow: flow.incarnation("first") == 4, f"{kind}: three processes were replaced")  # type: ignore[misc]
        assert "did not end within its timeout of 0.4 s, and it did not let go within 0.4 s" in flow.journal("first")
        assert "1 on_error" not in flow.hooks("first", 2)


def test_whatever_way_a_task_fails_its_run_ends_and_what_does_not_depend_on_it_goes_on(place: Place) -> None:
    ways = {"fail": "failed", "raise": "error", "exit": "error", "sleep": "error"}
    flows = {way: Flow(place, way, left={"timeout": 0.4}) for way in ways}
    for way, flow in flows.items():
        flow.do(way, "left", 1)
        flow.do(way, "left", 3)
        flow.do("fail", "right", 3)
        for _ in range(3):
            flow.drop()
            flow.place.run_ended(way, flow.dropped, "succeeded" if flow.dropped == 2 else "failed")
    for way, state in ways.items():
        flow = flows[way]
        assert flow.states(1, "failed") == {
            "first": "succeeded",
            "left": state,
            "right": "succeeded",
            "both": "skipped",
            "any": "succeeded",
            "last": "succeeded",
        }
        assert set(flow.states(2, "succeeded").values()) == {"succeeded"}
        third = flow.states(3, "failed")
        assert (third["both"], third["any"], third["last"]) == ("skipped", "skipped", "succeeded")
        assert sorted(flow.artifacts("failed")) == ["001.txt", "003.txt"]
        assert sorted(flow.artifacts("old")) == ["002.txt"]
        reason = flow.artifacts("failed")["001.txt"]["reason"]
        assert reason.startswith("run 1 failed: left: "), reason
    assert flows["fail"].ended(1, "failed")["left"]["error"].startswith("execute() returned False")
    assert flows["exit"].ended(1, "failed")["left"]["attempts"] == 3


def test_hooks_are_called_as_promised_and_an_exception_in_one_is_recorded_and_harmless(place: Place) -> None:
    flow = Flow(place, "hooks", diamond=False)
    hooks = ("before_execution", "on_success", "on_failure", "on_error", "after_execution")
    flow.place.write("hooks/broken-first", " ".join(hooks))
    for deed, middle, state in (
        ("", "on_success", "succeeded"),
        ("fail", "on_failure", "failed"),
        ("raise", "on_error", "failed"),
    ):
        flow.do(deed, "first")
        run = flow.drop()
        task = flow.ended(run, state)["first"]
        assert flow.hooks("first", run) == [f"1 {each}" for each in ("before_execution", "execute", middle)] + [
            "1 after_execution"
        ]
        for hook in ("before_execution", middle, "after_execution"):
            assert f"{hook}() raised RuntimeError: {hook} is broken" in task["error"]
    assert flow.incarnation("first") == 1
    assert flow.ended(1)["last"]["state"] == "succeeded"


def test_a_poison_artifact_fails_alone_says_why_and_can_be_released(place: Place) -> None:
    flow = Flow(place, "poisoned", diamond=False)
    flow.do("poison", "first")
    poison = flow.drop("-poison")
    flow.ended(poison, "failed")
    good = flow.drop()
    flow.ended(good)
    assert flow.task(poison, "first")["crashes"] == 3
    [(location, artifact)] = flow.artifacts("failed").items()
    assert (location, artifact["run_id"]) == ("001-poison.txt", poison)
    assert "crashed the node 3 times" in artifact["reason"]
    shown = place.ctl("artifacts", "poisoned", "--state", "failed").stdout
    assert "001-poison.txt" in shown

    flow.ctl("retry", poison)  # nothing has changed: it crashes anew
    wait_for(lambda: flow.task(poison, "first")["attempts"] == 6, "three more attempts")
    flow.ended(poison, "failed")

    flow.do("", "first")
    flow.ctl("retry", poison)
    tasks = flow.ended(poison)
    assert (tasks["first"]["attempts"], tasks["last"]["state"]) == (7, "succeeded")
    assert flow.artifacts("failed") == {}
    assert flow.artifacts("old")["001-poison.txt"]["reason"] is None
