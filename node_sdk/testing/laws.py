"""The laws of runs as tests, for any store. Part of `node_sdk.testing.contracts.StoreContract`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from node_sdk.errors import Fenced, Refused
from node_sdk.graph import GraphSpec
from node_sdk.nodes.store import BaseMetadataStoreNode
from node_sdk.testing.asking import Asker, action, graph
from node_sdk.wire.store import (
    OPERATOR,
    Begin,
    Complete,
    EndAttempt,
    EndRun,
    ForgetArtifacts,
    Found,
    LogMetrics,
    LogParams,
    Offer,
    Output,
    RecordArtifacts,
    StartRun,
    UpdateArtifact,
)

CHAIN = graph(action("first", "data"), action("second", "first"))

Open = Callable[[GraphSpec], Asker]


class LedgerLaws:
    """Needs a fixture `store`: an open store with empty tables."""

    @pytest.fixture
    def opened(self, store: BaseMetadataStoreNode) -> Open:
        return lambda of: Asker(store, of)

    @pytest.fixture
    def asker(self, opened: Open) -> Asker:
        return opened(CHAIN)

    # ---- fencing (law 3)

    def test_an_older_incarnation_is_fenced_and_told_which_is_current(self, asker: Asker) -> None:
        run = asker.run("a")
        asker.begin("first", run)
        asker.hello("first", interrupted_run=run)
        asker.incarnations["first"] = 1
        with pytest.raises(Fenced) as fenced:
            asker.ask("first", Complete(run, 1, "succeeded"))
        assert fenced.value.current == 2
        assert asker.states(run)["first"] == "executing"

    def test_an_incarnation_that_said_no_hello_is_refused(self, asker: Asker) -> None:
        asker.incarnations["data"] = 5
        with pytest.raises(Refused, match="said no hello"):
            asker.record("a")

    def test_an_operator_may_not_speak_for_a_node(self, asker: Asker) -> None:
        with pytest.raises(Refused, match="by hand"):
            asker.ask(OPERATOR, Begin(1, 1))

    def test_what_an_earlier_incarnation_offered_does_not_count(self, opened: Open) -> None:
        asker = opened(graph(action("first", "data"), resources=("data", "more")))
        asker.record("a")
        asker.offer("data")
        asker.hello("data")  # a new process, perhaps of other code; it will say for itself
        asker.record("b", resource="more")
        assert asker.offer("more") == 0
        assert asker.offer("data") == 1

    # ---- claiming (law 4)

    def test_a_run_claims_what_is_new_and_wakes_who_is_due_at_once(self, asker: Asker) -> None:
        run = asker.run("a", "b")
        assert {(row["state"], row["run_id"]) for row in asker.rows("artifacts")} == {("current", run)}
        assert asker.signals == [("first", run), ("data", run), ("models", run)]
        assert asker.states(run) == {
            "store": "succeeded",
            "data": "succeeded",
            "models": "succeeded",
            "first": "pending",
            "second": "pending",
        }

    def test_a_second_run_waits_for_the_first_and_claims_only_what_came_since(self, asker: Asker) -> None:
        first = asker.run("a")
        assert asker.run("b") == first  # no slot is free
        asker.complete("first", first)
        asker.complete("second", first)
        second = asker.ledger_last_run()
        assert second > first
        assert {row["location"]: row["run_id"] for row in asker.rows("artifacts")} == {"a": first, "b": second}
        assert [row["state"] for row in asker.rows("artifacts")] == ["old", "current"]
        assert ("data", second) in asker.signals

    def test_an_offer_made_in_ignorance_of_a_run_does_not_count_and_its_maker_hears_of_that_run(
        self, opened: Open
    ) -> None:
        asker = opened(graph(action("first", "data"), max_concurrent_runs=9))
        run = asker.run("a")
        asker.record("b")
        asker.signals.clear()
        asker.ask("data", Offer("data", True, run - 1))
        assert asker.ledger_last_run() == run
        assert asker.signals == [("data", run)]
        assert asker.offer() > run

    def test_an_offer_is_used_up_by_the_run_that_it_starts(self, asker: Asker) -> None:
        run = asker.run("a")
        asker.record("b")  # and whether its trigger condition holds for that, the resource has not said
        asker.complete("first", run)
        asker.complete("second", run)
        assert asker.ledger_last_run() == run

    def test_an_offer_with_nothing_new_starts_no_run_until_something_is(self, asker: Asker) -> None:
        assert asker.offer() == 0
        asker.record("a")
        assert asker.ledger_last_run() == 1

    def test_trigger_all_waits_for_every_monitored_resource(self, opened: Open) -> None:
        asker = opened(graph(action("join", "left", "right"), resources=("left", "right")))
        asker.record("a", resource="left")
        assert asker.offer("left") == 0
        assert asker.offer("left", holds=False) == 0
        assert asker.offer("right") == 0
        assert asker.offer("left") == 1

    def test_trigger_any_claims_only_from_those_that_offer(self, opened: Open) -> None:
        asker = opened(graph(action("join", "left", "right"), resources=("left", "right"), trigger="any"))
        asker.record("a", resource="left")
        asker.record("b", resource="right")
        run = asker.offer("left")
        assert {row["location"]: row["run_id"] for row in asker.rows("artifacts")} == {"a": run, "b": None}

    def test_a_wish_by_hand_starts_one_run_however_often_it_is_repeated(self, asker: Asker) -> None:
        asker.record("a")
        asker.run("b")
        asker.record("c")
        run = asker.ask(OPERATOR, StartRun("wish"))
        assert asker.ask(OPERATOR, StartRun("wish")) == run
        assert [row["location"] for row in asker.rows("artifacts", run_id=run)] == ["c"]
        assert asker.ask(OPERATOR, StartRun("another wish")) > run

    # ---- what resources see

    def test_a_location_with_the_same_content_is_no_news(self, asker: Asker) -> None:
        (first,) = asker.record("a")
        assert isinstance(first, int)
        assert asker.record("a") == [None]
        assert asker.record("a", "b", "a")[::2] == [None, None]

    def test_a_file_that_changes_before_its_claim_is_claimed_once(self, asker: Asker) -> None:
        asker.record("a", content="one")
        asker.record("a", content="two")
        run = asker.offer()
        (row,) = asker.rows("artifacts")
        assert (row["sha256"], row["version"], row["run_id"]) == ("two", 2, run)

    def test_a_file_that_changes_after_its_claim_is_a_new_version(self, asker: Asker) -> None:
        run = asker.run("a")
        asker.record("a", content="changed")
        rows = asker.rows("artifacts")
        assert [(row["version"], row["state"], row["run_id"]) for row in rows] == [
            (1, "current", run),
            (2, "new", None),
        ]

    def test_a_file_that_is_gone_before_its_claim_is_forgotten(self, asker: Asker) -> None:
        run = asker.run("a")
        asker.record("a", content="changed")
        assert asker.ask("data", ForgetArtifacts("data", ("a", "nowhere"))) == 1
        assert [row["run_id"] for row in asker.rows("artifacts")] == [run]
        assert asker.record("a", content="changed again")[0] is not None

    def test_a_file_that_is_gone_after_its_claim_stays_recorded(self, asker: Asker) -> None:
        run = asker.run("a")
        assert asker.ask("data", ForgetArtifacts("data", ("a",))) == 0
        assert [(row["state"], row["run_id"]) for row in asker.rows("artifacts")] == [("current", run)]

    def test_what_was_there_at_the_first_start_can_be_recorded_as_old(self, asker: Asker) -> None:
        asker.ask("data", RecordArtifacts("data", (Found("a", "x", 1),), "old", first_scan=True))
        assert asker.rows("nodes", name="data")[0]["scanned"] is True
        assert asker.offer() == 0

    def test_a_resource_is_woken_when_somebody_else_gives_it_something_new(self, asker: Asker) -> None:
        run = asker.run("a")
        asker.complete("first", run, "failed")
        asker.signals.clear()
        asker.record("b")
        assert asker.signals == []  # it knows
        asker.ask(OPERATOR, UpdateArtifact(asker.rows("artifacts", location="a")[0]["id"], "new"))
        asker.ask("first", RecordArtifacts("data", (Found("c", "x", 1),)))
        assert asker.signals == [("data", run), ("data", run)]

    def test_a_store_that_died_before_it_could_wake_a_resource_does_so_when_it_is_back(self, asker: Asker) -> None:
        run = asker.run("a")
        asker.complete("first", run, "failed")
        asker.ask(OPERATOR, UpdateArtifact(asker.rows("artifacts")[0]["id"], "new"))
        asker.restart_store()
        assert [(each.run_id, each.successors) for each in asker.hello("store").unsignalled] == [(run, ("data",))]

    # ---- graphs that change

    def test_a_run_keeps_its_tasks_but_those_of_nodes_that_are_no_more(self, opened: Open) -> None:
        asker = opened(graph(action("a", "data"), action("b", "a"), action("c", "a")))
        run = asker.run("x")
        asker.begin("a", run)
        asker.graph = graph(action("a", "data"), action("c", "a"), action("d", "c"))
        asker.restart_store()
        assert asker.complete("a", run) == ["c"]
        assert asker.complete("c", run) == []  # d joined later, and has no task in it
        states = asker.states(run)
        assert (states["b"], "d" in states, asker.run_state(run)) == ("cancelled", False, "failed")
        assert "no longer part of the pipeline" in asker.task(run, "b")["error"]

    def test_what_a_node_that_is_no_more_had_not_published_holds_up_nobody(self, opened: Open) -> None:
        asker = opened(graph(action("a", "data"), action("b", "a")))
        run = asker.run("x")
        asker.complete("a", run, "succeeded", Output("models", "m", "staged", "sha", 1))
        asker.graph = graph(action("b", "data"))
        asker.restart_store()
        assert [each.run_id for each in asker.hello("b").due] == [run]
        assert asker.complete("b", run) == []
        assert asker.run_state(run) == "succeeded"
        (lost,) = asker.rows("artifacts", resource="models")
        assert (lost["state"], lost["published"]) == ("failed", True)
        assert "no longer part of the pipeline" in lost["reason"]

    def test_an_action_that_becomes_a_resource_has_no_task_that_waits_for_it(self, opened: Open) -> None:
        asker = opened(graph(action("a", "data"), action("b", "a")))
        run = asker.run("x")
        asker.graph = graph(action("a", "data"), resources=("data", "b"))
        asker.restart_store()
        asker.complete("a", run)
        assert (asker.states(run)["b"], asker.run_state(run)) == ("cancelled", "failed")

    # ---- tasks

    def test_the_last_predecessor_to_complete_signals(self, opened: Open) -> None:
        asker = opened(graph(action("a", "data"), action("b", "data"), action("c", "a", "b")))
        run = asker.run("x")
        assert asker.complete("a", run) == []
        assert asker.complete("b", run) == ["c"]
        assert asker.complete("c", run) == []
        assert asker.run_state(run) == "succeeded"

    def test_a_task_cannot_begin_before_its_predecessors_are_done(self, asker: Asker) -> None:
        run = asker.run("x")
        with pytest.raises(Refused, match="predecessors are not done"):
            asker.begin("second", run)

    def test_an_attempt_may_be_begun_twice_but_not_once_its_task_is_over(self, asker: Asker) -> None:
        run = asker.run("a")
        for _ in range(2):
            asker.begin("first", run)
        assert (asker.task(run, "first")["state"], asker.task(run, "first")["attempts"]) == ("executing", 1)
        asker.complete("first", run)
        with pytest.raises(Refused, match="it is over") as refused:
            asker.begin("first", run)
        assert refused.value.kind == "finished"

    def test_only_the_attempt_that_has_begun_can_complete(self, asker: Asker) -> None:
        run = asker.run("a")
        with pytest.raises(Refused, match="attempt 1 has not begun"):
            asker.ask("first", Complete(run, 1, "succeeded"))
        asker.begin("first", run)
        with pytest.raises(Refused, match="attempt 2 has not begun"):
            asker.ask("first", Complete(run, 2, "succeeded"))
        assert asker.states(run)["first"] == "executing"

    def test_an_attempt_whose_begin_was_not_sent_begins_and_ends_at_once(self, asker: Asker) -> None:
        run = asker.run("a")
        asker.clock.now += 10.0
        complete = Complete(run, 1, "succeeded", seconds=5.0)
        assert asker.ask("first", complete) == ["second"] == asker.ask("first", complete)
        task = asker.task(run, "first")
        assert (task["state"], task["attempts"], task["incarnation"]) == ("succeeded", 1, asker.incarnations["first"])
        assert 5.0 <= task["ended_at"] - task["started_at"] < 10.0

    def test_an_attempt_that_is_said_late_to_have_begun_began_when_it_did(self, asker: Asker) -> None:
        run = asker.run("a")
        asker.clock.now += 100.0
        asker.ask("first", Begin(run, 1, seconds=50.0))
        assert asker.task(run, "first")["started_at"] == pytest.approx(asker.clock.now - 50.0, abs=5.0)

    def test_no_attempt_is_said_to_have_begun_before_its_task_was_due(self, asker: Asker) -> None:
        run = asker.run("a")
        for node, seconds in (("first", 1e9), ("second", float("nan"))):
            asker.ask(node, Complete(run, 1, "succeeded", seconds=seconds))
        (row,) = asker.rows("runs", id=run)
        assert [asker.task(run, node)["started_at"] >= row["started_at"] for node in ("first", "second")] == [True] * 2

    def test_a_task_that_may_not_begin_is_not_completed_either(self, asker: Asker) -> None:
        run = asker.run("a")
        with pytest.raises(Refused, match="predecessors are not done"):
            asker.ask("second", Complete(run, 1, "succeeded", seconds=0.1))
        asker.begin("first", run)
        asker.ask("first", EndAttempt(run, 1, "failed", None))
        with pytest.raises(Refused, match="attempt 1 is over"):
            asker.ask("first", Complete(run, 1, "succeeded", seconds=0.1))
        assert asker.states(run)["first"] == asker.states(run)["second"] == "pending"

    def test_only_the_attempt_at_work_may_log_to_its_task(self, asker: Asker) -> None:
        run = asker.run("a")
        asker.begin("first", run)
        with pytest.raises(Refused, match="has not begun attempt 2"):
            asker.ask("first", LogMetrics(run, 2, 0, {"loss": 1.0}))
        assert asker.rows("metrics") == []

    def test_everything_may_be_said_twice(self, asker: Asker) -> None:
        asker.record("x")
        requests = [asker.request("data", Offer("data", True, 0))]
        requests += [asker.request("first", operation) for operation in (Begin(1, 1), LogMetrics(1, 1, 0, {"m": 1.0}))]
        requests += [
            asker.request("first", operation) for operation in (LogParams(1, 1, {"p": 2}), Complete(1, 1, "succeeded"))
        ]
        once = asker.send(*requests)
        tables = [asker.rows(table) for table in ("runs", "tasks", "artifacts", "metrics")]
        asker.restart_store()
        again = asker.send(*requests)
        assert again[1].kind == "finished"  # nobody who asks before executing may take this for a beginning
        assert again[:1] + again[2:] == once[:1] + once[2:]
        assert [asker.rows(table) for table in ("runs", "tasks", "artifacts", "metrics")] == tables
        assert once[-1].value == ["second"]

    def test_a_completion_that_differs_from_what_stands_is_refused(self, asker: Asker) -> None:
        run = asker.run("x")
        asker.complete("first", run)
        with pytest.raises(Refused) as refused:
            asker.ask("first", Complete(run, 1, "failed"))
        assert refused.value.kind == "finished"

    def test_a_new_attempt_takes_back_what_the_last_one_logged(self, asker: Asker) -> None:
        run = asker.run("x")
        asker.begin("first", run)
        asker.ask("first", LogMetrics(run, 1, 0, {"loss": 1.0}))
        asker.ask("first", LogParams(run, 1, {"rate": 1}))
        asker.begin("first", run, 2)
        asker.ask("first", LogMetrics(run, 1, 0, {"loss": 1.0}))  # of the attempt given up, said again
        asker.ask("first", LogMetrics(run, 2, 0, {"loss": 2.0}))
        assert [(row["attempt"], row["value"]) for row in asker.rows("metrics")] == [(2, 2.0)]
        assert asker.rows("params") == []

    def test_a_failure_skips_what_needs_success_and_the_run_fails(self, asker: Asker) -> None:
        run = asker.run("x")
        assert asker.complete("first", run, "failed") == []
        assert asker.states(run)["second"] == "skipped"
        assert asker.run_state(run) == "failed"
        assert [row["state"] for row in asker.rows("artifacts")] == ["failed"]

    def test_one_after_a_skipped_one_is_signalled_by_the_one_before(self, opened: Open) -> None:
        asker = opened(graph(action("a", "data"), action("b", "a"), action("c", "b", rule="all_done")))
        run = asker.run("x")
        assert asker.complete("a", run, "error") == ["c"]
        assert asker.hello("a").unsignalled[0].successors == ("c",)
        assert asker.complete("c", run) == []
        assert asker.run_state(run) == "failed"

    def test_one_success_is_enough_where_the_rule_says_so(self, opened: Open) -> None:
        asker = opened(graph(action("a", "data"), action("b", "data"), action("c", "a", "b", rule="one_success")))
        run = asker.run("x")
        assert asker.complete("a", run, "failed") == []
        assert asker.complete("b", run) == ["c"]

    def test_a_run_ended_by_hand_cancels_what_is_open_and_later_completions_come_too_late(self, asker: Asker) -> None:
        run = asker.run("x")
        asker.begin("first", run)
        asker.ask(OPERATOR, EndRun(run))
        asker.ask(OPERATOR, EndRun(run))
        assert (asker.run_state(run), asker.states(run)["second"]) == ("cancelled", "cancelled")
        with pytest.raises(Refused) as refused:
            asker.ask("first", Complete(run, 1, "succeeded"))
        assert refused.value.kind == "finished"

    # ---- coming back (law 2)

    def test_a_node_that_comes_back_hears_what_it_was_doing(self, asker: Asker) -> None:
        run = asker.run("x")
        assert [(due.run_id, due.attempts) for due in asker.hello("first").due] == [(run, 0)]
        asker.begin("first", run)
        welcome = asker.hello("first", interrupted_run=run, crashed=True)
        assert [(due.run_id, due.attempts) for due in welcome.due] == [(run, 1)]
        assert asker.rows("tasks", node="first")[0]["crashes"] == 1
        assert asker.welcome("first", interrupted_run=run, crashed=True) == welcome
        assert asker.rows("tasks", node="first")[0]["crashes"] == 1

    def test_an_attempt_whose_begin_was_lost_counts(self, asker: Asker) -> None:
        run = asker.run("x")
        welcome = asker.hello("first", interrupted_run=run, crashed=True)
        assert [(due.run_id, due.attempts) for due in welcome.due] == [(run, 1)]

    def test_signals_that_may_be_lost_are_repeated_by_their_senders(self, asker: Asker) -> None:
        run = asker.run("x")
        assert [(each.run_id, each.successors) for each in asker.hello("store").unsignalled] == [
            (run, ("first", "data"))
        ]
        assert [(each.run_id, each.successors) for each in asker.hello("data").unsignalled] == [(run, ("first",))]
        asker.complete("first", run)
        assert asker.hello("store").unsignalled == asker.hello("data").unsignalled == ()
        assert [(each.run_id, each.successors) for each in asker.hello("first").unsignalled] == [(run, ("second",))]

    def test_a_crash_counts_once_also_when_who_reported_it_dies_before_it_can_note_that(self, asker: Asker) -> None:
        run = asker.run("x")
        asker.begin("first", run)
        for _ in range(5):  # each finds the flight recorder of the first incarnation
            asker.hello("first", run, crashed=True, interrupted_attempt=1, interrupted_incarnation=1)
        assert (asker.task(run, "first")["state"], asker.task(run, "first")["crashes"]) == ("executing", 1)
        asker.begin("first", run, 2)
        by = asker.incarnations["first"]
        asker.hello("first", run, crashed=True, interrupted_attempt=2, interrupted_incarnation=by)
        assert asker.task(run, "first")["crashes"] == 2

    def test_a_task_that_crashes_its_node_again_and_again_is_an_error(self, asker: Asker) -> None:
        run = asker.run("poison")
        for attempt in (1, 2):
            asker.begin("first", run, attempt)
            assert asker.hello("first", interrupted_run=run, crashed=True).due
        asker.begin("first", run, 3)
        assert asker.hello("first", interrupted_run=run, crashed=True).due == ()
        (task,) = asker.rows("tasks", node="first")
        assert task["state"] == "error"
        assert "crashed the node 3 times" in task["error"]
        assert asker.run_state(run) == "failed"
        (artifact,) = asker.rows("artifacts")
        asker.ask(OPERATOR, UpdateArtifact(artifact["id"], "new"))
        assert asker.offer() > run

    # ---- when something goes wrong

    def test_one_bad_request_does_not_cost_the_others_their_answers(self, asker: Asker) -> None:
        huge = RecordArtifacts("data", (Found("b", "x", 2**64 - 1),))
        replies = asker.send(
            asker.request("data", RecordArtifacts("data", (Found("a", "x", 1),))),
            asker.request("data", huge),
            asker.request("data", RecordArtifacts("data", (Found("c", "x", 1),))),
        )
        assert (replies[0].kind, replies[2].kind) == (None, None)
        assert {"a", "c"} <= {row["location"] for row in asker.rows("artifacts")}
