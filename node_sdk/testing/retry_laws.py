"""The laws of trying again as tests, for any store: attempts, timeouts, runs cancelled and retried by hand.
Part of `node_sdk.testing.contracts.StoreContract`.
"""

from __future__ import annotations

from typing import Any

import pytest

from node_sdk.errors import Refused
from node_sdk.nodes.store import BaseMetadataStoreNode
from node_sdk.testing.asking import Asker, action, graph
from node_sdk.wire.codec import from_map
from node_sdk.wire.store import (
    OPERATOR,
    AskDue,
    Begin,
    Complete,
    Due,
    EndAttempt,
    EndRun,
    LogMetrics,
    LogParams,
    Offer,
    Output,
    Published,
    RetryRun,
    SetTags,
    StartRun,
    UpdateArtifact,
)

PATIENT = graph(
    action("first", "data", retries=2, retry_delay=10.0, timeout=60.0),
    action("second", "first"),
    action("third", "second"),
)


def due(asker: Asker, node: str, run: int) -> Due | None:
    """What a node hears that asks about a run."""
    answer: dict[str, Any] | None = asker.ask(node, AskDue(run))
    return None if answer is None else from_map(answer, Due)


def fail(asker: Asker, run: int, node: str = "first") -> None:
    """The first attempt of `node` fails for good; so does the run."""
    asker.begin(node, run)
    asker.ask(node, Complete(run, 1, "error", "ValueError: no\nTraceback …"))


class RetryLaws:
    """Needs a fixture `store`: an open store with empty tables."""

    @pytest.fixture
    def patient(self, store: BaseMetadataStoreNode) -> Asker:
        return Asker(store, PATIENT)

    # ---- another attempt

    def test_an_attempt_that_failed_leaves_its_task_pending_with_the_error(self, patient: Asker) -> None:
        run = patient.run("a")
        patient.begin("first", run)
        for _ in range(2):  # said twice
            patient.ask("first", EndAttempt(run, 1, "error", "ValueError: no", 100.0))
        task = patient.task(run, "first")
        assert (task["state"], task["attempts"], task["failures"]) == ("pending", 1, 1)
        assert task["error"] == "ValueError: no"
        assert task["retry_at"] - task["started_at"] == pytest.approx(100, abs=5)
        assert patient.run_state(run) == "running"
        patient.begin("first", run, 2)
        patient.ask("first", EndAttempt(run, 1, "error", "ValueError: no", 100.0))  # once more, much too late
        task = patient.task(run, "first")
        assert (task["state"], task["attempts"], task["retry_at"]) == ("executing", 2, None)
        assert patient.ask("first", Complete(run, 2, "succeeded")) == ["second"]

    def test_a_node_that_comes_back_waits_for_what_is_left_and_never_longer_than_was_said(self, patient: Asker) -> None:
        run = patient.run("a")
        patient.begin("first", run)
        patient.ask("first", EndAttempt(run, 1, "failed", None, 100.0))
        (waiting,) = patient.hello("first").due
        assert (waiting.run_id, waiting.attempts, waiting.failures) == (run, 1, 1)
        assert 90 < waiting.wait < 100
        for jump, expected in ((-86_400, 100.0), (2 * 86_400, 0.0)):  # somebody sets the clock
            patient.clock.now += jump
            patient.restart_store()
            assert patient.hello("first").due[0].wait == expected

    def test_an_attempt_that_has_not_begun_cannot_end(self, patient: Asker) -> None:
        run = patient.run("a")
        with pytest.raises(Refused, match="it has not begun"):
            patient.ask("first", EndAttempt(run, 1, "failed", None, 1.0))
        patient.begin("first", run)
        with pytest.raises(Refused, match="cannot wait nan seconds"):
            patient.ask("first", EndAttempt(run, 1, "failed", None, float("nan")))

    def test_what_an_older_attempt_said_does_not_come_back(self, patient: Asker) -> None:
        run = patient.run("a")
        told = (LogMetrics(run, 1, 0, {"m": 1.0}), LogParams(run, 1, {"p": 1}), SetTags(run, 1, {"t": 1}))
        patient.begin("first", run)
        for each in told:
            patient.ask("first", each)
        patient.ask("first", EndAttempt(run, 1, "failed", None, 0.0))
        for each in told:  # between the attempts …
            patient.ask("first", each)
        patient.begin("first", run, 2)
        for each in told:  # … and in the next
            patient.ask("first", each)
        assert [patient.rows(table) for table in ("metrics", "params", "tags")] == [[], [], []]

    def test_a_crash_after_an_attempt_had_ended_counts_for_nothing(self, patient: Asker) -> None:
        run = patient.run("a")
        patient.begin("first", run)
        patient.ask("first", EndAttempt(run, 1, "failed", None, 10.0))
        patient.hello("first", interrupted_run=run, interrupted_attempt=1, crashed=True)
        task = patient.task(run, "first")
        assert (task["state"], task["attempts"], task["crashes"]) == ("pending", 1, 0)
        patient.hello("first", interrupted_run=run, interrupted_attempt=2, crashed=True)  # its Begin was lost
        task = patient.task(run, "first")
        assert (task["state"], task["attempts"], task["crashes"], task["retry_at"]) == ("executing", 2, 1, None)

    # ---- timeouts

    def test_an_attempt_that_took_too_long_is_tried_again_and_is_no_crash(self, patient: Asker) -> None:
        run = patient.run("a")
        for attempt, wait in ((1, 10.0), (2, 20.0)):
            patient.begin("first", run, attempt)
            (again,) = patient.hello("first", run, crashed=True, timed_out=True, interrupted_attempt=attempt).due
            assert again.attempts == again.failures == attempt
            assert wait - 5 < again.wait <= wait
        task = patient.task(run, "first")
        assert (task["crashes"], task["state"]) == (0, "pending")
        assert "did not end within its timeout of 60 s" in task["error"]

    def test_the_last_attempt_that_takes_too_long_is_an_error_and_the_run_goes_on(self, patient: Asker) -> None:
        run = patient.run("a")
        for attempt in (1, 2, 3):
            patient.begin("first", run, attempt)
            welcome = patient.hello("first", run, timed_out=True, interrupted_attempt=attempt)
        assert welcome.due == ()
        assert patient.states(run)["first"] == "error"
        assert patient.states(run)["second"] == "skipped"
        assert patient.run_state(run) == "failed"

    def test_crashes_do_not_use_up_the_retries(self, patient: Asker) -> None:
        run = patient.run("a")
        patient.begin("first", run)
        patient.hello("first", run, crashed=True, interrupted_attempt=1)
        patient.begin("first", run, 2)
        (again,) = patient.hello("first", run, timed_out=True, interrupted_attempt=2).due
        assert (again.attempts, again.failures) == (2, 1)

    # ---- retrying a run by hand

    def test_a_failed_run_goes_on_from_what_did_not_succeed(self, patient: Asker) -> None:
        run = patient.run("a")
        patient.complete("first", run)
        fail(patient, run, "second")
        patient.signals.clear()
        patient.ask(OPERATOR, RetryRun(run, None, "wish"))
        assert patient.run_state(run) == "running"
        states = patient.states(run)
        assert (states["first"], states["second"], states["third"]) == ("succeeded", "pending", "pending")
        assert patient.signals == [("second", run)]
        assert [(row["state"], row["run_id"], row["reason"]) for row in patient.rows("artifacts")] == [
            ("current", run, None)
        ]
        assert due(patient, "second", run) == Due(run, 1)
        assert due(patient, "third", run) is None
        assert patient.complete("second", run, attempt=2) == ["third"]
        patient.complete("third", run)
        assert patient.run_state(run) == "succeeded"
        assert [row["state"] for row in patient.rows("artifacts")] == ["old"]
        assert due(patient, "third", run) is None

    def test_a_wish_to_retry_is_fulfilled_once_however_often_it_is_repeated(self, patient: Asker) -> None:
        run = patient.run("a")
        fail(patient, run)
        patient.ask(OPERATOR, RetryRun(run, None, "wish"))
        patient.ask(OPERATOR, RetryRun(run, None, "wish"))
        patient.begin("first", run, 2)
        patient.ask("first", Complete(run, 2, "failed"))
        patient.ask(OPERATOR, RetryRun(run, None, "wish"))
        assert patient.run_state(run) == "failed"
        patient.ask(OPERATOR, RetryRun(run, None, "another wish"))
        assert patient.run_state(run) == "running"

    def test_counts_begin_anew_and_attempt_numbers_go_on(self, patient: Asker) -> None:
        run = patient.run("a")
        for attempt in (1, 2, 3):
            patient.begin("first", run, attempt)
            patient.hello("first", run, crashed=True, interrupted_attempt=attempt)
        assert patient.run_state(run) == "failed"
        patient.ask(OPERATOR, RetryRun(run, None, "wish"))
        task = patient.task(run, "first")
        assert (task["attempts"], task["crashes"], task["failures"], task["error"]) == (3, 0, 0, None)
        with pytest.raises(Refused) as refused:
            patient.begin("first", run, 1)
        assert refused.value.kind == "finished"
        patient.begin("first", run, 4)
        patient.ask("first", LogMetrics(run, 4, 0, {"m": 1.0}))
        assert [row["attempt"] for row in patient.rows("metrics")] == [4]

    def test_with_a_node_named_it_and_all_after_it_are_executed_again(self, patient: Asker) -> None:
        run = patient.run("a")
        patient.complete("first", run)
        patient.complete("second", run, "succeeded", Output("models", "m", "staged", "one", 3))
        patient.ask("second", Published(run))
        patient.complete("third", run)
        patient.ask(OPERATOR, RetryRun(run, "second", "wish"))
        states = patient.states(run)
        assert (states["first"], states["second"], states["third"]) == ("succeeded", "pending", "pending")
        assert {row["location"]: row["state"] for row in patient.rows("artifacts")} == {"a": "current", "m": "old"}
        patient.complete("second", run, "succeeded", Output("models", "m", "staged", "two", 3), attempt=2)
        patient.ask("second", Published(run))
        patient.complete("third", run, attempt=2)
        assert [
            (row["location"], row["version"], row["latest"], row["state"]) for row in patient.rows("artifacts")
        ] == [("a", 1, True, "old"), ("m", 1, False, "old"), ("m", 2, True, "old")]

    def test_the_store_signals_again_what_was_retried_when_it_died_before_it_could(self, patient: Asker) -> None:
        run = patient.run("a")
        patient.complete("first", run)
        fail(patient, run, "second")
        patient.ask(OPERATOR, RetryRun(run, None, "wish"))
        patient.restart_store()
        assert [(each.run_id, each.successors) for each in patient.hello("store").unsignalled] == [(run, ("second",))]
        assert [each.run_id for each in patient.hello("second").due] == [run]

    @pytest.mark.parametrize(
        ("run", "node", "words"),
        [
            (99, None, "cannot retry run 99: there is no such run"),
            (1, None, "cannot retry run 1: it succeeded; name the node"),
            (1, "frist", "no such node; its actions are 'first', 'second', 'third'"),
            (1, "data", "it is no action; those are 'first'"),
            (2, "third", "cannot retry run 2 from 'third': second is skipped, so it cannot begin"),
            (3, None, "it is running; wait until it ends, or cancel it first"),
        ],
    )
    def test_what_cannot_be_retried_is_refused_in_words(
        self, patient: Asker, run: int, node: str | None, words: str
    ) -> None:
        first = patient.run("a")
        for name in ("first", "second", "third"):
            patient.complete(name, first)
        fail(patient, patient.run("b"))
        patient.run("c")
        before = [patient.rows(table) for table in ("runs", "tasks", "artifacts")]
        with pytest.raises(Refused, match=words):
            patient.ask(OPERATOR, RetryRun(run, node, "wish"))
        assert [patient.rows(table) for table in ("runs", "tasks", "artifacts")] == before
        with pytest.raises(Refused, match="without a token"):
            patient.ask(OPERATOR, RetryRun(run, node, ""))

    def test_a_node_that_is_no_longer_in_the_pipeline_is_not_waited_for(self, store: BaseMetadataStoreNode) -> None:
        asker = Asker(store, PATIENT)
        run = asker.run("a")
        fail(asker, run)
        smaller = Asker(store, graph(action("other", "data")))
        with pytest.raises(Refused, match="no longer in the pipeline"):
            smaller.ask(OPERATOR, RetryRun(run, None, "wish"))
        with pytest.raises(Refused, match="it joined the pipeline after that run"):
            smaller.ask(OPERATOR, RetryRun(run, "other", "wish"))

    def test_a_run_takes_back_only_what_nobody_has_released_since(self, patient: Asker) -> None:
        run = patient.run("a", "b")
        fail(patient, run)
        released = patient.rows("artifacts", location="a")[0]["id"]
        patient.ask(OPERATOR, UpdateArtifact(released, "new"))
        other = patient.ask(OPERATOR, StartRun("now"))
        patient.ask(OPERATOR, RetryRun(run, None, "wish"))
        assert {row["location"]: row["run_id"] for row in patient.rows("artifacts")} == {"a": other, "b": run}
        assert {row["state"] for row in patient.rows("artifacts")} == {"current"}

    # ---- cancelling

    def test_a_cancelled_run_can_be_retried_and_what_was_executing_comes_too_late(self, patient: Asker) -> None:
        run = patient.run("a")
        patient.begin("first", run)
        patient.ask(OPERATOR, EndRun(run))
        (artifact,) = patient.rows("artifacts")
        assert (artifact["state"], artifact["reason"]) == ("failed", f"run {run} was cancelled by hand")
        patient.ask(OPERATOR, RetryRun(run, None, "wish"))
        patient.ask("first", LogMetrics(run, 1, 0, {"m": 1.0}))
        for late in (Complete(run, 1, "succeeded"), Begin(run, 1)):
            with pytest.raises(Refused) as refused:
                patient.ask("first", late)
            assert refused.value.kind == "finished"
        assert patient.rows("metrics") == []
        assert due(patient, "first", run) == Due(run, 1)
        assert patient.complete("first", run, attempt=2) == ["second"]

    def test_a_task_that_waits_for_its_next_attempt_can_be_cancelled(self, patient: Asker) -> None:
        run = patient.run("a")
        patient.begin("first", run)
        patient.ask("first", EndAttempt(run, 1, "failed", None, 100.0))
        patient.ask(OPERATOR, EndRun(run))
        task = patient.task(run, "first")
        assert (task["state"], task["retry_at"]) == ("cancelled", None)
        with pytest.raises(Refused) as refused:
            patient.ask("first", EndAttempt(run, 1, "failed", None, 100.0))
        assert refused.value.kind == "finished"

    # ---- why an artifact is failed

    def test_a_failed_artifact_says_why_until_it_is_released(self, patient: Asker) -> None:
        run = patient.run("a")
        fail(patient, run)
        (artifact,) = patient.rows("artifacts")
        assert artifact["reason"] == f"run {run} failed: first: ValueError: no"
        patient.ask(OPERATOR, UpdateArtifact(artifact["id"], "new"))
        patient.ask("data", Offer("data", True, run))
        (artifact,) = patient.rows("artifacts")
        assert (artifact["state"], artifact["reason"]) == ("current", None)
        patient.ask(OPERATOR, EndRun(artifact["run_id"]))
        patient.ask(OPERATOR, UpdateArtifact(artifact["id"], "old"))
        assert patient.rows("artifacts")[0]["reason"] is None
        patient.ask(OPERATOR, UpdateArtifact(artifact["id"], "failed"))
        assert patient.rows("artifacts")[0]["reason"] == "set by hand"
