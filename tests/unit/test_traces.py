"""Which runs are exported, and when: decided without a daemon, a clock or a collector."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from anacostia_daemon.companions.traces.due import Due, Memory
from anacostia_daemon.companions.traces.last_words import LastWords
from anacostia_daemon.companions.traces.spans import spans

SINCE = "2026-01-01T00:00:00.000Z"


def run(run_id: int, state: str = "succeeded", ended: str = "2026-01-02T00:00:00.000Z") -> dict[str, Any]:
    return {"id": run_id, "state": state, "ended_at": None if state == "running" else ended}


def test_what_ended_before_the_first_look_ever_is_no_news_and_what_ended_since_is() -> None:
    due = Due()
    rows = [run(3, "running"), run(2), run(1, ended="2025-01-01T00:00:00.000Z")]
    assert due.look(rows, rows[:1], SINCE) == [2]


def test_a_run_that_was_under_way_is_exported_when_it_has_ended_however_old_it_is() -> None:
    due = Due(4)
    assert due.look([run(6), run(5)], [run(2, "running")], SINCE) == [5, 6]
    due.done(5)
    due.done(6)
    assert due.look([run(900)], [], SINCE) == [2, 900]


def test_what_was_not_taken_is_due_again_and_what_was_is_not() -> None:
    due = Due(0)
    rows = [run(2), run(1)]
    assert due.look(rows, [], SINCE) == [1, 2]
    due.done(1)
    assert due.look(rows, [], SINCE) == [2]
    due.done(2)
    assert due.look(rows, [], SINCE) == []


def test_what_is_due_outlives_the_sender(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "traces.json", SINCE)
    memory.of("p").look([run(1), run(2, "running")], [], SINCE)
    memory.save()
    again = Memory(tmp_path / "traces.json", "later")
    assert again.since == SINCE
    assert again.of("p").look([run(2), run(1)], [], again.since) == [1, 2]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"since": "x", "pipelines": {"p": 1}}'])
def test_a_file_that_is_damaged_is_one_that_is_not_there(tmp_path: Path, content: str) -> None:
    (tmp_path / "traces.json").write_text(content)
    assert Memory(tmp_path / "traces.json", SINCE).since == SINCE


def test_the_same_run_gives_the_same_spans_and_another_daemon_others() -> None:
    task = {"node": "a", "state": "skipped", "attempts": 0, "started_at": None, "ended_at": SINCE, "error": "why"}
    row = {**run(1), "pipeline": "p", "trigger": "t", "started_at": SINCE, "tasks": [task]}
    ids = [[each.context.span_id for each in spans(row, {"a": ["gone"]}, home)] for home in ("/x", "/x", "/y")]
    assert ids[0] == ids[1] != ids[2]
    [_, found] = spans(row, {"a": ["gone"]}, "/x")
    assert found.start_time == found.end_time and found.status.is_unset
    assert not found.links, "its predecessor has no task in this run"


def test_why_an_export_failed_is_said_without_the_address() -> None:
    words = LastWords("https://me:pass@collector.example:4318/v1/traces?key=s3cret")
    for text in (
        "HTTPSConnectionPool(host='collector.example', port=4318): url: /v1/traces?key=s3cret (refused)",
        "cannot reach https://me:pass@collector.example:4318/v1/traces?key=s3cret, as me:pass@collector.example:4318",
    ):
        words.handle(logging.LogRecord("x", logging.ERROR, "", 0, text, (), None))
        assert words.text.startswith("collector.example: ")
        assert "s3cret" not in words.text and "pass" not in words.text
