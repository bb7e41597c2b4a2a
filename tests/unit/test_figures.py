"""What a store counts of itself: after its commits, without a query, and never for longer than a little of its time."""

from __future__ import annotations

from typing import Any

import pytest

from node_sdk import BaseActionNode, Pipeline
from node_sdk.metadata.board import Board
from node_sdk.metadata.counting import SHARE, Counts
from node_sdk.metadata.figures import LONG, Figures, Histogram
from node_sdk.metadata.ledger import Ledger
from node_sdk.metadata.memory import MemoryMetadataStore
from node_sdk.resources import FilesystemStoreNode
from node_sdk.wire import store as wire


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Step(BaseActionNode):
    def execute(self, *args: Any, **kwargs: Any) -> bool:
        return True


class Bench:
    """A ledger on a store in memory, with a clock that is set by hand: resource ─► first ─► second."""

    def __init__(self, folder: Any) -> None:
        self.store = MemoryMetadataStore("store")
        resource = FilesystemStoreNode("inbox", folder, self.store)
        first = Step("first", [resource])
        self.graph = Pipeline([self.store, resource, first, Step("second", [first])], name="bench").graph
        self.clock = Clock()
        self.ledger = Ledger(self.store, self.graph, self.clock)
        self.ledger.prepare()
        self.seq = 0
        for node in ("first", "second"):
            self.ask(node, wire.Hello())

    def ask(self, node: str, operation: wire.Operation) -> Any:
        self.seq += 1
        incarnation = 0 if node == wire.OPERATOR else 1
        [reply] = self.ledger.answer([wire.StoreRequest(self.seq, node, incarnation, operation)]).replies
        assert reply.error is None, reply
        return reply.value

    def figures(self) -> Any:
        return self.ask(wire.OPERATOR, wire.AskFigures())

    def run(self, end: wire.TaskEnd = "succeeded") -> int:
        run_id: int = self.ask(wire.OPERATOR, wire.StartRun(f"wish {self.seq}"))
        self.clock.now += 0.002
        self.ask("first", wire.Begin(run_id, 1))
        self.clock.now += 7.0
        self.ask("first", wire.Complete(run_id, 1, end, None if end == "succeeded" else "no", []))
        if end == "succeeded":
            self.clock.now += 0.2
            self.ask("second", wire.Begin(run_id, 1))
            self.clock.now += 0.7
            self.ask("second", wire.Complete(run_id, 1, end, None, []))
        return run_id


@pytest.fixture
def bench(tmp_path: Any) -> Bench:
    return Bench(tmp_path)


def total(shown: dict[str, Any]) -> int:
    count: int = shown["buckets"][-1][1]
    return count


def by_result(rows: list[dict[str, Any]]) -> dict[Any, tuple[int, float]]:
    return {
        (each["node"], each["state"]) if "node" in each else each["state"]: (total(each), round(each["sum"], 3))
        for each in rows
        if total(each)
    }


def test_runs_tasks_and_hops_are_counted_as_the_clock_of_the_store_has_them(bench: Bench) -> None:
    bench.run()
    found = bench.figures()
    assert by_result(found["runs"]) == {"succeeded": (1, 7.902)}
    assert by_result(found["tasks"]) == {("first", "succeeded"): (1, 7.0), ("second", "succeeded"): (1, 0.7)}
    assert (total(found["hops"]), round(found["hops"]["sum"], 3)) == (2, 0.202)
    assert found["open_runs"] == 0


def test_a_failed_run_is_counted_with_the_task_that_it_skipped(bench: Bench) -> None:
    bench.run("failed")
    found = bench.figures()
    assert by_result(found["runs"]) == {"failed": (1, 7.002)}
    assert by_result(found["tasks"]) == {("first", "failed"): (1, 7.0), ("second", "skipped"): (1, 0.0)}
    assert bench.ledger.figures.failed_runs == 1


def test_what_was_said_twice_is_counted_once(bench: Bench) -> None:
    run_id = bench.run()
    bench.ask("second", wire.Complete(run_id, 1, "succeeded", None, []))
    assert by_result(bench.figures()["runs"]) == {"succeeded": (1, 7.902)}


def test_what_could_not_be_committed_is_not_counted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = bench.ask(wire.OPERATOR, wire.StartRun("wish"))
    before = total(bench.figures()["commits"])
    real = bench.store.transaction

    def fails(lasting: bool = True) -> Any:
        transaction = real(lasting)

        class Broken:
            def __enter__(self) -> None:
                transaction.__enter__()

            def __exit__(self, *error: object) -> None:
                transaction.__exit__(OSError, OSError("disk full"), None)
                raise OSError("disk full")

        return Broken()

    monkeypatch.setattr(bench.store, "transaction", fails)
    with pytest.raises(AssertionError, match="disk full"):
        bench.ask(wire.OPERATOR, wire.EndRun(run_id))
    monkeypatch.undo()
    found = bench.figures()
    assert by_result(found["runs"]) == {} and found["open_runs"] == 1
    bench.ask(wire.OPERATOR, wire.EndRun(run_id))
    assert by_result(bench.figures()["runs"]) == {"cancelled": (1, 0.0)}
    assert total(bench.figures()["commits"]) == before + 1


def test_reading_is_no_commit(bench: Bench) -> None:
    before = total(bench.figures()["commits"])
    bench.ask(wire.OPERATOR, wire.Select("runs", {}))
    assert total(bench.figures()["commits"]) == before


def test_a_value_falls_into_the_bucket_of_its_bound_and_into_all_above() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 9.0, -3.0):
        histogram.add(value)
    assert histogram.shown() == {"buckets": [[1.0, 3], [2.0, 4], [None, 5]], "sum": 12.0}


def test_every_result_of_a_run_is_there_before_the_first_run() -> None:
    assert [each["state"] for each in Figures().shown()["runs"]] == ["succeeded", "failed", "cancelled"]
    assert len(Figures().shown()["runs"][0]["buckets"]) == len(LONG) + 1


def test_every_result_of_an_action_is_there_before_its_first_task(bench: Bench) -> None:
    shown = [(each["node"], each["state"], total(each)) for each in bench.figures()["tasks"]]

    assert shown == [(name, state, 0) for name in ("first", "second") for state in ("succeeded", "failed", "error")]


def test_counting_many_artifacts_takes_a_hundredth_of_the_time_at_most(bench: Bench) -> None:
    board = Board(bench.store, bench.graph, bench.clock)
    asked = []

    def count(resource: str, state: str) -> int:
        asked.append(state)
        bench.clock.now += 0.05
        return 1_000_000

    board.count_artifacts = count  # type: ignore[method-assign]
    counts = Counts(board, bench.clock)
    counts.shown()
    assert sorted(asked) == ["current", "failed", "new", "old"]
    bench.clock.now += 0.05 * SHARE - 0.05 * 4
    assert counts.shown()["artifacts"][0] == {"resource": "inbox", "state": "new", "count": 1_000_000}
    assert len(asked) == 4, "counted again too soon"
    bench.clock.now += 0.05 * 4
    counts.shown()
    assert len(asked) == 8
