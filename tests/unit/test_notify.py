"""What is worth a notice, who wants it, how often: decided without a clock, a daemon or a server."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from anacostia_daemon.companions.notify.channels import CannotSend, Command, secret
from anacostia_daemon.companions.notify.limit import Limit
from anacostia_daemon.companions.notify.notices import Notice, Reader, of_run
from anacostia_daemon.companions.notify.progress import Progress
from anacostia_daemon.companions.notify.rule import Rule
from anacostia_daemon.companions.notify.sender import MOST_WAITING, Sender
from anacostia_daemon.companions.story import KINDS, is_restart, kind_of
from anacostia_daemon.core import reasons
from anacostia_daemon.core.events import Exited
from node_sdk.policy import RestartPolicy

AT = "2026-01-01T00:00:00.000Z"


def line(node: str | None, to: str, reason: str = "r", pipeline: str = "p", id: int = 1) -> dict[str, Any]:
    return {
        "id": id, "at": AT, "pipeline": pipeline, "node": node, "incarnation": 3,
        "event": "e", "from": "ready", "to": to, "reason": reason,
    }  # fmt: skip


def notice(event: str = "node-failed", pipeline: str = "p", node: str | None = "n", id: int = 1) -> Notice:
    return Notice(event=event, pipeline=pipeline, node=node, reason="r", at=AT, key=("line", id))


def events(reader: Reader, *lines: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(each.event, each.node) for each in reader.read(lines)]


# ---- what is worth a notice


def test_a_pipeline_is_back_when_the_last_node_that_had_failed_is_ready() -> None:
    reader = Reader()
    assert events(reader, line("a", "failed"), line("b", "failed")) == [("node-failed", "a"), ("node-failed", "b")]
    assert events(reader, line("a", "starting"), line("a", "ready")) == []
    assert events(reader, line("b", "ready")) == [("pipeline-back", "b")]
    assert events(reader, line("b", "ready")) == []


def test_what_had_failed_before_the_first_line_counts_and_what_was_stopped_is_no_news() -> None:
    reader = Reader()
    reader.begin({"pipelines": [{"name": "p", "nodes": [{"name": "a", "phase": "failed"}]}]})
    assert events(reader, line("a", "ready")) == [("pipeline-back", "a")]
    stopped = {**line("a", "down"), "event": "desired"}
    assert events(reader, line("a", "failed"), stopped, line("a", "ready")) == [("node-failed", "a")]
    restarted_by_hand = line("a", "down", "restarted by a user")
    assert events(reader, line("a", "failed"), restarted_by_hand, line("a", "ready"))[-1] == ("pipeline-back", "a")


@pytest.mark.parametrize(
    ("to", "words"), [("starting", "started again at once after: x"), ("backoff", "waits 2 s after: x")]
)
def test_a_restart_is_told_by_the_words_of_the_core(to: str, words: str) -> None:
    assert events(Reader(), line("a", to, words)) == [("node-restarted", "a")]
    assert not is_restart(line("a", "starting", "started by a user"))


def test_a_notice_of_a_restart_is_one_sentence() -> None:
    [found] = Reader().read([line("a", "starting", "started again at once after: killed by SIGSEGV")])
    assert found.text == "node 'a' of pipeline 'p': started again at once after: killed by SIGSEGV"


def test_a_line_of_a_whole_pipeline_is_worth_none() -> None:
    assert events(Reader(), line(None, "failed")) == []


def test_a_failed_run_says_which_tasks_failed_in_one_line_each() -> None:
    tasks = [
        {"node": "a", "state": "succeeded", "error": None},
        {"node": "b", "state": "error", "error": "ValueError: no\nTraceback"},
        {"node": "c", "state": "skipped", "error": "its trigger_rule"},
    ]
    found = of_run({"id": 7, "pipeline": "p", "tasks": tasks, "ended_at": AT})
    assert found.text == "run 7 of pipeline 'p' has failed: b: ValueError: no"
    assert found.key == ("run", "p", 7, AT)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (reasons.exited(Exited(1, 3, None, "")), "exit"),
        (reasons.exited(Exited(1, None, 11, "")), "signal"),
        (reasons.exited(Exited(1, None, 9, "", out_of_memory=True)), "memory"),
        (reasons.no_heartbeat(30.0), "heartbeat"),
        (reasons.not_ready(30.0), "start_timeout"),
        (reasons.budget_spent(RestartPolicy(), reasons.no_heartbeat(3.0)), "heartbeat"),
        ("could not be started: no fork", "spawn"),
        ("gave way to incarnation 4: newer", "fenced"),
        ("setup() of node 'a' raised ValueError: x", "setup"),
        ("something new", "other"),
    ],
)
def test_each_reason_of_the_core_has_a_kind(reason: str, kind: str) -> None:
    assert kind_of(reason) == kind in KINDS


# ---- who wants it


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (notice(), True),
        (notice("node-restarted"), False),
        (notice(pipeline="other"), False),
        (notice(node="m"), False),
        (notice("run-failed", node=None), True),
    ],
)
def test_a_rule_wants_its_events_pipelines_and_nodes(found: Notice, wanted: bool) -> None:
    rule = Rule("r", {"events": ["node-failed", "run-failed"], "pipelines": ["p*"], "nodes": ["n"]})
    assert rule.wants(found) is wanted


# ---- how often


def test_what_is_too_much_is_summed_up_in_one_when_there_is_room() -> None:
    limit = Limit(2, 60.0)
    assert [limit.admit(notice(), now) for now in (0.0, 1.0, 2.0)] == [True, True, False]
    assert not limit.admit(notice("run-failed"), 3.0)
    assert limit.due() == 60.0 and limit.summary(59.9) is None
    found = limit.summary(60.0)
    assert found is not None and found.event == "held-back"
    assert found.text == found.reason == "2 notices were held back: 1 x node-failed of 'p', 1 x run-failed of 'p'"
    assert limit.due() is None and limit.summary(60.0) is None
    assert not limit.admit(notice(), 60.5) and limit.due() == 61.0, "the summary has taken the room of the first"


def test_nothing_overtakes_a_summary() -> None:
    limit = Limit(1, 60.0)
    assert limit.admit(notice(), 0.0) and not limit.admit(notice(), 1.0)
    assert not limit.admit(notice(), 100.0), "the summary of what came before it is still to be sent"
    found = limit.summary(100.0)
    assert found is not None and "2 notices" in found.reason


# ---- again where it failed


class Failing:
    name = "webhook"

    def __init__(self, *outcomes: CannotSend | None) -> None:
        self.outcomes, self.sent = list(outcomes), []  # type: ignore[var-annotated]

    def send(self, notice: Notice) -> None:
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is not None:
            raise outcome
        self.sent.append(notice)


def finished(channel: Failing, attempts: int = 3) -> tuple[list[Notice], list[str]]:
    """What a sender has done with one notice, and what it said."""
    said: list[str] = []
    over = threading.Event()
    sender = Sender(channel, Limit(10, 60.0), attempts, 0.0, said.append, lambda notice: over.set())
    sender.start()
    sender.give(notice())
    assert over.wait(10)
    return channel.sent, said


def test_a_notice_is_tried_again_until_it_is_sent() -> None:
    sent, said = finished(Failing(CannotSend("no"), CannotSend("no")))
    assert len(sent) == 1 and said == ["cannot tell by webhook, tried again in 0 s: no"] * 2


@pytest.mark.parametrize(("for_good", "attempts"), [(True, 3), (False, 1)])
def test_a_notice_that_nobody_takes_is_given_up_and_said(for_good: bool, attempts: int) -> None:
    sent, said = finished(Failing(CannotSend("no", for_good)), attempts)
    assert not sent
    assert said == ["cannot tell by webhook, given up: no. It was: node 'n' of pipeline 'p' has failed: r"]


def test_a_way_that_hangs_takes_no_more_than_so_many_and_the_rest_is_summed_up() -> None:
    limit, done = Limit(10_000, 60.0), []  # type: ignore[var-annotated]
    sender = Sender(Failing(), limit, 1, 0.0, print, done.append)  # never started: as if it hung
    for number in range(MOST_WAITING + 5):
        sender.give(notice(id=number))
    assert [each.key[1] for each in done] == list(range(MOST_WAITING, MOST_WAITING + 5))
    found = limit.summary(0.0)
    assert found is not None and found.reason.startswith("5 notices were held back")


# ---- what was told


def test_what_waited_when_the_notifier_died_is_told_by_the_next_one(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "notify.json", AT)
    first, second = notice(id=5), notice(id=7)
    for each in (first, second):
        progress.waits(each, 2)
    progress.read_to(9)
    for each in (first, second, second):
        progress.done(each)
    assert Progress(tmp_path / "notify.json", "later").line == 4
    progress.done(first)
    again = Progress(tmp_path / "notify.json", "later")
    assert (again.line, again.since) == (9, AT)


def test_a_run_is_told_once_and_again_when_it_fails_again(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "notify.json", AT)
    run = of_run({"id": 7, "pipeline": "p", "tasks": [], "ended_at": AT})
    assert progress.is_new(run)
    progress.waits(run, 1)
    assert not progress.is_new(run), "it waits to be told"
    progress.done(run)
    again = Progress(tmp_path / "notify.json", "later")
    assert not again.is_new(run)
    assert again.is_new(of_run({"id": 7, "pipeline": "p", "tasks": [], "ended_at": "2026-01-02"}))


@pytest.mark.parametrize("content", ["", "[]", '{"line": 1', "\0"])
def test_a_file_that_is_damaged_is_one_that_is_not_there(tmp_path: Path, content: str) -> None:
    (tmp_path / "notify.json").write_text(content)
    assert Progress(tmp_path / "notify.json", AT).line is None


# ---- the ways


def test_a_secret_comes_from_its_key_its_file_or_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").write_text("from the file\n")
    monkeypatch.setenv("ANA_TEST_SECRET", "from the variable")
    assert secret({"webhook": "plain"}, "webhook") == "plain"
    assert secret({"webhook_file": str(tmp_path / "f")}, "webhook") == "from the file"
    assert secret({"webhook_variable": "ANA_TEST_SECRET"}, "webhook") == "from the variable"
    assert secret({}, "webhook") is None
    with pytest.raises(CannotSend, match="the environment of the daemon has no ANA_TEST_NONE"):
        secret({"webhook_variable": "ANA_TEST_NONE"}, "webhook")
    with pytest.raises(CannotSend, match=r"cannot read .*/none: No such file"):
        secret({"webhook_file": str(tmp_path / "none")}, "webhook")


def test_a_command_gets_the_notice_and_no_shell(tmp_path: Path) -> None:
    script = tmp_path / "tell"
    script.write_text('#!/bin/sh\n{ echo "$1"; cat; echo; echo "$ANACOSTIA_NOTICE_EVENT"; } > "$2"\n')
    script.chmod(0o755)
    Command([str(script), "$(id) %s", str(tmp_path / "out")], 10.0).send(notice())
    first, content, event = (tmp_path / "out").read_text().splitlines()
    assert (first, event) == ("$(id) %s", "node-failed")
    assert "\"text\": \"node 'n' of pipeline 'p' has failed: r\"" in content


@pytest.mark.parametrize(
    ("command", "why", "for_good"),
    [
        (["sh", "-c", "echo no room >&2; exit 3"], "sh ended with code 3: no room", False),
        (["/no/such/program"], "cannot run /no/such/program: No such file or directory", True),
        (["sh", "-c", "sleep 60 & sleep 60"], "sh took more than 0.2 s and was killed", False),
    ],
)
def test_a_command_that_fails_says_why(command: list[str], why: str, for_good: bool) -> None:
    with pytest.raises(CannotSend) as caught:
        Command(command, 0.2 if "took" in why else 10.0).send(notice())
    assert (str(caught.value), caught.value.for_good) == (why, for_good)
