"""Events: what has changed between two looks, and how they reach who listens. Without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from anacostia_daemon.web.facts.metrics import thinned
from anacostia_daemon.web.facts.pipelines import attention
from anacostia_daemon.web.facts.story import told
from anacostia_daemon.web.live import changes, hub
from anacostia_daemon.web.live.hub import Event, Hub, TooManyListeners


def line(event: str, begins: str, ends: str, reason: str = "", incarnation: int = 1) -> dict[str, Any]:
    return {
        "id": 1,
        "at": f"2026-11-23T10:00:0{incarnation}.000Z",
        "pipeline": "digits",
        "node": "train",
        "incarnation": incarnation,
        "event": event,
        "from": begins,
        "to": ends,
        "reason": reason,
    }


def task(node: str, state: str = "pending", started: str | None = None) -> dict[str, Any]:
    return {"node": node, "state": state, "attempts": 0, "started_at": started, "ended_at": None, "error": None}


def run(state: str, *tasks: dict[str, Any]) -> dict[str, Any]:
    return {"id": 7, "state": state, "tasks": list(tasks), "started_at": "x", "ended_at": None}


def finished(story: Coroutine[Any, Any, Any]) -> Any:
    """What it returns; in a thread of its own, for a browser may have an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, story).result()


def names(events: Any) -> list[str]:
    return [event.name for event in events]


def test_a_change_of_phase_is_a_line_and_a_phase_and_a_wish_is_a_line_only() -> None:
    assert names(changes.of_journal([line("beat", "starting", "ready"), line("desired", "up", "down")])) == [
        "journal",
        "phase",
        "journal",
    ]


def test_a_task_that_begins_after_another_has_ended_was_signalled_by_it() -> None:
    before = {7: run("running", task("data", "succeeded", "x"), task("train"))}
    after = {7: run("running", task("data", "succeeded", "x"), task("train", "executing", "y"))}
    found = list(changes.of_runs("digits", before, after, {"train": ["data"], "data": []}))
    assert names(found) == ["run", "task", "signal"]
    assert found[2].facts == {"from": "data", "to": "train", "run_id": 7}
    assert names(changes.of_runs("digits", after, after, {})) == []


def test_a_pipeline_that_comes_goes_or_works_is_told_and_one_that_rests_is_not() -> None:
    node = {"name": "train", "phase": "ready", "work": "idle", "incarnation": 1}
    status = {"pipelines": [{"name": "digits", "phase": "ready", "desired": "up", "reason": "", "nodes": [node]}]}
    none: dict[str, Any] = {"pipelines": []}
    assert names(changes.of_status(none, status)) == names(changes.of_status(status, none)) == ["pipelines"]
    assert names(changes.of_status(status, status)) == []


def test_who_does_not_read_is_dropped_and_the_others_hear_everything() -> None:
    async def story() -> None:
        heard: list[bool] = []
        crowd = Hub(heard.append)
        deaf, quick = crowd.listen(), crowd.listen()
        stream = quick.stream()
        for number in range(hub.MOST_QUEUED + 10):
            crowd.publish(Event("run", "digits", {"n": number}))
            if number % 100 == 0:
                await anext(stream)
        assert deaf.dropped and not quick.dropped
        assert len(crowd) == 1
        assert [each async for each in deaf.stream()] == []
        crowd.leave(quick)
        assert heard == [True, False]

    finished(story())


def test_a_listener_of_one_pipeline_hears_of_it_and_of_what_concerns_all() -> None:
    async def story() -> None:
        crowd = Hub()
        stream = crowd.listen("digits").stream()
        crowd.publish(Event("run", "haiku", {}), Event("run", "digits", {}), Event("daemon", None, {}))
        data = (await anext(stream)).decode()
        assert data.count("event: ") == 2 and "haiku" not in data

    finished(story())


def test_a_silence_is_filled_with_a_comment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "HEARTBEAT", 0.01)

    async def story() -> bytes:
        return await anext(Hub().listen().stream())

    assert finished(story()).startswith(b":")


def test_there_is_room_for_so_many_listeners_only() -> None:
    crowd = Hub()
    for _ in range(hub.MOST_LISTENERS):
        crowd.listen()
    with pytest.raises(TooManyListeners):
        crowd.listen()


def test_what_a_line_holds_cannot_break_the_stream() -> None:
    data = Event("run", "digits", {"error": "one\ntwo\r\n\nevent: forged"}).encoded(1)
    assert data.count(b"\nevent: ") == 1 and data.endswith(b"\n\n") and data.count(b"\n\n") == 1


def test_incarnations_are_told_with_their_ends() -> None:
    lines = [
        line("desired", "down", "up", "started by a user", 0),
        line("may-start", "down", "starting", "started by a user"),
        line("beat", "starting", "ready", "set up"),
        line("exited", "ready", "killing", "exited with code 3"),
        line("family-gone", "killing", "starting", "started again at once after: exited with code 3", 2),
        line("beat", "starting", "ready", "set up", 2),
        line("exited", "ready", "killing", "killed by SIGKILL", 2),
    ]
    first, second = told(lines)
    assert (first["exit_code"], first["signal"], first["reason"]) == (3, None, "exited with code 3")
    assert (second["exit_code"], second["signal"], second["ended_at"]) == (None, "SIGKILL", lines[6]["at"])


def test_a_long_series_keeps_its_ends_its_lowest_and_its_highest() -> None:
    points = [{"x": each, "value": float(each % 10)} for each in range(10_000)]
    points[4711]["value"], points[777]["value"] = 99.0, -99.0
    few = thinned(points, 100)
    assert len(few) <= 100
    assert few[0] is points[0] and few[-1] is points[-1]
    assert {99.0, -99.0} <= {each["value"] for each in few}
    assert thinned(few, 100) is few


def test_what_failed_is_named_with_its_reason() -> None:
    failed = {**task("train", "error"), "error": "Traceback …\nValueError: no number\n"}
    pipeline = {
        "nodes": [{"name": "train", "phase": "backoff", "reason": "waits 2 s after: exited with code 3"}],
        "recent": [run("running"), run("failed", failed)],
        "reason": "",
    }
    node, last = attention(pipeline)
    assert (node["node"], node["what"]) == ("train", "train is backoff")
    assert (last["run_id"], last["reason"]) == (7, "train: ValueError: no number")
