"""Where bars stand on a time axis: waiting, earlier attempts and executing are told apart, and all can be seen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from anacostia_daemon.web.pages import timeline

BEGAN = 1_700_000_000.0
PREDECESSORS = {"store": [], "inbox": ["store"], "train": ["inbox"], "test": ["train"]}


def at(seconds: float | None) -> str | None:
    """So many seconds after the beginning, as the JSON shapes have it."""
    return None if seconds is None else datetime.fromtimestamp(BEGAN + seconds, UTC).isoformat()


def task(node: str, state: str, began: float | None, ended: float | None, attempts: int = 1) -> dict[str, Any]:
    return {
        "node": node,
        "state": state,
        "attempts": attempts,
        "started_at": at(began),
        "ended_at": at(ended),
        "error": None,
    }


def run(*tasks: dict[str, Any], number: int = 1, state: str = "succeeded", ended: float | None = 10) -> dict[str, Any]:
    return {"id": number, "state": state, "started_at": at(0), "ended_at": at(ended), "tasks": list(tasks)}


def kinds(bars: list[timeline.Bar]) -> list[tuple[str, float, float]]:
    return [(each.kind, each.x, each.width) for each in bars]


def test_a_task_waits_until_it_begins_and_then_executes() -> None:
    found = run(task("inbox", "succeeded", None, 2, 0), task("train", "succeeded", 4, 10))
    _, bars = timeline.of_run(found, PREDECESSORS, BEGAN + 99)
    assert kinds(bars["train"]) == [("waiting", 20.0, 20.0), ("succeeded", 40.0, 60.0)]
    assert bars["train"][1].text == "train: succeeded, 6 s"


def test_what_was_before_the_last_attempt_is_no_waiting() -> None:
    found = run(task("inbox", "succeeded", None, 0, 0), task("train", "error", 5, 10, attempts=3), state="failed")
    _, bars = timeline.of_run(found, PREDECESSORS, BEGAN + 99)
    assert kinds(bars["train"]) == [("before", 0.0, 50.0), ("error", 50.0, 50.0)]
    assert "attempt 3" in bars["train"][1].text


def test_what_executes_now_reaches_to_now_and_what_cannot_begin_yet_has_no_bar() -> None:
    found = run(
        task("inbox", "succeeded", None, 0, 0),
        task("train", "executing", 1, None),
        task("test", "pending", None, None, 0),
        state="running",
        ended=None,
    )
    axis, bars = timeline.of_run(found, PREDECESSORS, BEGAN + 4)
    assert axis.end == BEGAN + 4
    assert kinds(bars["train"])[-1] == ("executing", 25.0, 75.0)
    assert bars["test"] == []


def test_what_took_no_time_can_still_be_seen_and_stays_inside() -> None:
    axis = timeline.Axis(0, 100)
    for begin in (0, 50, 100):
        bar = axis.bar(begin, begin, "failed", "")
        assert bar.width == timeline.THINNEST
        assert bar.x + bar.width <= 100


def test_runs_at_the_same_time_are_below_each_other_and_others_share_a_lane() -> None:
    runs = [run(number=number, ended=None) for number in (3, 2, 1)]
    for each, (begin, end) in zip(runs, ((20, 30), (5, 15), (0, 10)), strict=True):
        each["started_at"], each["ended_at"] = at(begin), at(end)
    found = timeline.of_runs(runs, BEGAN + 99)
    assert found is not None
    assert [(bar.run_id, bar.lane) for bar in found[1]] == [(1, 0), (2, 1), (3, 0)]


def test_a_thousand_runs_at_once_are_no_thousand_lanes() -> None:
    found = timeline.of_runs([run(number=number) for number in range(1000)], BEGAN + 99)
    assert found is not None
    assert max(bar.lane for bar in found[1]) == timeline.MOST_LANES - 1


def test_no_run_has_no_timeline() -> None:
    assert timeline.of_runs([], BEGAN) is None


@pytest.mark.parametrize("length", [0.003, 0.02, 0.9, 7, 61, 3_600, 86_400, 4_000_000])
def test_ticks_are_few_and_tell_different_times(length: float) -> None:
    axis = timeline.Axis(BEGAN, BEGAN + length)
    for ticks in (axis.elapsed(), axis.moments()):
        assert len(ticks) <= timeline.MOST_TICKS + 1
        assert all(0 <= each.x <= 100 for each in ticks)
    texts = [each.text for each in axis.elapsed()]
    assert len(texts) >= 3
    assert len(set(texts)) == len(texts), texts
