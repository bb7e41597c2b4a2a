"""The laws of outputs (law 5) as tests, for any store. Part of `node_sdk.testing.contracts.StoreContract`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from node_sdk.errors import Refused
from node_sdk.graph import GraphSpec
from node_sdk.testing.asking import Asker, action, graph
from node_sdk.wire.store import (
    OPERATOR,
    AskDue,
    EndRun,
    ForgetArtifacts,
    Lost,
    Output,
    Published,
    RetryRun,
    StartRun,
    UpdateArtifact,
)

Open = Callable[[GraphSpec], Asker]


class OutputLaws:
    """Needs the fixtures `opened` and `asker` of LedgerLaws."""

    def test_an_output_belongs_to_its_run_and_is_to_be_published_until_that_is_said(self, asker: Asker) -> None:
        run = asker.run("x")
        output = Output("models", "m.pkl", "staged", "abc", 3)
        asker.complete("first", run, "succeeded", output)
        (row,) = asker.rows("artifacts", resource="models")
        assert (row["state"], row["run_id"], row["made_by_node"], row["published"]) == ("current", run, "first", False)
        assert asker.hello("first").unpublished == (output,)
        assert asker.hello("second").due == ()  # what it needs is not in place yet; its predecessor will signal
        asker.ask("first", Published(run))
        assert asker.hello("first").unpublished == ()
        assert [due.run_id for due in asker.hello("second").due] == [run]
        asker.complete("second", run)
        assert asker.rows("artifacts", resource="models")[0]["state"] == "old"

    def test_who_waits_for_the_outputs_of_several_is_signalled_when_all_are_in_place(self, opened: Open) -> None:
        asker = opened(graph(action("left", "data"), action("right", "data"), action("join", "left", "right")))
        run = asker.run("x")
        assert asker.complete("left", run, "succeeded", Output("models", "l", "staged", "abc", 3)) == []
        assert asker.complete("right", run, "succeeded", Output("models", "r", "staged", "abc", 3)) == []
        assert asker.ask("right", Published(run)) == []
        assert asker.hello("right").unsignalled == ()
        assert asker.ask("join", AskDue(run)) is None
        for _ in range(2):  # said twice
            assert asker.ask("left", Published(run)) == ["join"]
        assert asker.ask("join", AskDue(run)) is not None

    def test_nobody_begins_before_what_a_predecessor_made_is_in_place(self, opened: Open) -> None:
        asker = opened(graph(action("a", "data"), action("b", "data"), action("c", "a", "b")))
        run = asker.run("x")
        assert asker.complete("a", run, "succeeded", Output("models", "m", "staged", "abc", 3)) == []
        assert asker.complete("b", run) == []  # and a dies here
        assert [asker.hello(name).unsignalled for name in ("a", "b")] == [(), ()]
        assert asker.hello("c").due == ()
        with pytest.raises(Refused, match="what they made is not in place"):
            asker.begin("c", run)
        assert asker.ask("a", Published(run)) == ["c"]
        assert [each.successors for each in asker.hello("a").unsignalled] == [("c",)]
        assert asker.complete("c", run) == []
        assert asker.run_state(run) == "succeeded"

    def test_who_lost_its_signal_while_outputs_were_not_in_place_is_signalled_when_they_are(self, opened: Open) -> None:
        asker = opened(graph(action("a", "data"), action("b", "a")))
        run = asker.run("x")
        assert asker.complete("a", run, "succeeded", Output("models", "m", "staged", "abc", 3)) == []
        assert asker.ask("b", AskDue(run)) is None
        assert asker.hello("b").due == ()
        assert asker.ask("a", Published(run)) == ["b"]
        assert asker.ask("b", AskDue(run)) is not None

    def test_what_was_made_before_a_skipped_task_is_in_place_before_those_after_it_begin(self, opened: Open) -> None:
        made, skipped = action("a", "data"), action("b", "a")
        asker = opened(graph(made, skipped, action("d", "data"), action("c", "b", "d", rule="all_done")))
        run = asker.run("x")
        assert asker.complete("a", run, "failed", Output("models", "m", "staged", "abc", 3)) == []
        assert asker.complete("d", run) == []
        with pytest.raises(Refused, match="not in place"):
            asker.begin("c", run)
        assert asker.ask("a", Published(run)) == ["c"]

    def test_a_run_retried_by_hand_waits_for_outputs_too(self, opened: Open) -> None:
        asker = opened(graph(action("a", "data"), action("b", "a"), action("c", "data")))
        run = asker.run("x")
        asker.complete("a", run, "succeeded", Output("models", "m", "staged", "abc", 3))
        asker.ask(OPERATOR, EndRun(run))
        asker.signals.clear()
        asker.ask(OPERATOR, RetryRun(run, None, "wish"))
        assert asker.signals == [("c", run)]
        assert asker.ask("a", Published(run)) == ["b"]

    def test_an_output_that_is_lost_fails_with_its_reason_and_stays_so_when_its_run_is_retried(
        self, asker: Asker
    ) -> None:
        run = asker.run("x")
        outputs = [Output("models", name, "staged", "abc", 3) for name in ("good", "bad")]
        assert asker.complete("first", run, "succeeded", *outputs) == []
        for _ in range(2):  # said twice
            assert asker.ask("first", Published(run, (Lost("models", "bad", "it is a folder"),))) == ["second"]
        asker.complete("second", run, "failed")
        asker.ask(OPERATOR, RetryRun(run, None, "wish"))
        asker.complete("second", run, attempt=2)
        found = [(row["location"], row["state"], row["reason"]) for row in asker.rows("artifacts", resource="models")]
        assert found == [("good", "old", None), ("bad", "failed", "it is a folder")]
        assert asker.hello("first").unpublished == ()

    def test_an_output_that_is_lost_is_no_version_of_its_location(self, opened: Open) -> None:
        asker = opened(graph(action("first", "data"), resources=("data", "more"), trigger="any"))
        asker.record("x", resource="more", content="stands there")
        first = asker.offer("more")
        for attempt in (1, 2):  # the second time, another lost one stands between
            lost = Output("more", "x", "staged", f"lost {attempt}", 3)
            asker.complete("first", first, "succeeded", lost, attempt=attempt)
            asker.ask("first", Published(first, (Lost("more", "x", "it is a folder"),)))
            # What stands there was used by a run; nobody shall use it again because an output is recorded over it.
            assert asker.record("x", resource="more", content="stands there") == [None]
            latest = asker.rows("artifacts", resource="more", latest=True)
            assert [(row["version"], row["sha256"]) for row in latest] == [(1, "stands there")]
            asker.ask(OPERATOR, RetryRun(first, "first", f"wish {attempt}"))
        with pytest.raises(Refused, match="its bytes never came to its place"):
            asker.ask(OPERATOR, UpdateArtifact(asker.rows("artifacts", sha256="lost 1")[0]["id"], "new"))
        # And the same bytes, once they do stand there, are news.
        assert asker.record("x", resource="more", content="lost 1") != [None]
        assert [row["version"] for row in asker.rows("artifacts", resource="more", latest=True)] == [2]
        assert asker.ask("more", ForgetArtifacts("more", ("x",))) == 1
        assert [row["version"] for row in asker.rows("artifacts", resource="more", latest=True)] == [1]

    def test_an_output_that_is_lost_leaves_its_place_as_if_it_had_never_been(self, asker: Asker) -> None:
        run = asker.run("x")
        asker.complete("first", run, "succeeded", Output("models", "m", "staged", "abc", 3))
        asker.ask("first", Published(run, (Lost("models", "m", "it is a folder"),)))
        assert asker.rows("artifacts", resource="models", latest=True) == []
        assert asker.record("m", resource="models", content="abc") != [None]

    def test_an_output_in_a_monitored_resource_is_claimed_once_it_is_published(self, opened: Open) -> None:
        asker = opened(graph(action("first", "data"), resources=("data", "more"), trigger="any"))
        run = asker.run("x")
        asker.complete("first", run, "succeeded", Output("more", "made", "staged", "abc", 3))
        assert asker.offer("more") == run
        asker.ask("first", Published(run))
        assert asker.ledger_last_run() > run
        assert asker.record("made", resource="more", content="abc") == [None]

    def test_a_run_by_hand_does_not_claim_what_is_not_in_place(self, opened: Open) -> None:
        asker = opened(graph(action("first", "data"), resources=("data", "more"), trigger="any"))
        run = asker.run("x")
        asker.complete("first", run, "succeeded", Output("more", "made", "staged", "abc", 3))
        by_hand = asker.ask(OPERATOR, StartRun("wish"))
        (made,) = asker.rows("artifacts", resource="more")
        assert (by_hand, made["state"], made["run_id"]) == (run + 1, "new", None)
