"""The contract of metadata stores as tests: run them against a store of your own.

    from node_sdk.testing.contracts import StoreContract

    class TestMyStore(StoreContract):
        def make_store(self, folder):
            return MyStore("store", f"mystore://{folder}")

`make_store` returns a store that is not open yet; called twice with the same folder, two that keep the same tables.
Put `pytest.register_assert_rewrite("node_sdk.testing")` in your conftest for failures that show values.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node_sdk.errors import Conflict
from node_sdk.nodes.store import BaseMetadataStoreNode
from node_sdk.testing.fencing_laws import FencingLaws
from node_sdk.testing.laws import LedgerLaws
from node_sdk.testing.output_laws import OutputLaws
from node_sdk.testing.retry_laws import RetryLaws
from node_sdk.testing.standing_laws import StandingLaws
from node_sdk.testing.tagging_laws import TaggingLaws


def run_row(**values: Any) -> dict[str, Any]:
    """A row of `runs`."""
    return {"state": "running", "trigger": "t", "token": None, "started_at": 1.5, "ended_at": None, **values}


def artifact_row(location: str, **values: Any) -> dict[str, Any]:
    """A row of `artifacts`."""
    row: dict[str, Any] = {"resource": "r", "location": location, "version": 1, "latest": True, "state": "new"}
    row |= {"run_id": None, "made_by_run": None, "made_by_node": None, "sha256": "x", "size": 2**40, "mtime_ns": 2**62}
    row |= {"published": True, "staging": None, "created_at": 1.0, "reason": None}
    return row | values


def metric_row(**values: Any) -> dict[str, Any]:
    """A row of `metrics`."""
    row = {"run_id": 1, "node": "a", "attempt": 1, "n": 0, "key": "k", "value": 0.1, "step": None, "logged_at": 1.0}
    return row | values


def task_row(**values: Any) -> dict[str, Any]:
    """A row of `tasks`."""
    row: dict[str, Any] = {"run_id": 1, "node": "a", "state": "pending", "attempts": 0, "crashes": 0, "failures": 0}
    row |= dict.fromkeys(("incarnation", "started_at", "ended_at", "error", "retry_at", "retry_wait"))
    return row | values


def value_row(**values: Any) -> dict[str, Any]:
    """A row of `params`, or of `tags`."""
    return {"run_id": 1, "node": "a", "key": "k", "value": "1", "logged_at": 1.0, **values}


def node_row(**values: Any) -> dict[str, Any]:
    """A row of `nodes`."""
    row = {"name": "a", "kind": "action", "type": "A", "incarnation": 0, "offers": False}
    return {**row, "last_run_id": 0, "scanned": False, **values}


def retry_row(**values: Any) -> dict[str, Any]:
    """A row of `retries`."""
    return {"run_id": 1, "from_node": None, "token": "wish", "retried_at": 1.0, **values}


IDENTITY = {"number": 1, "pipeline": "p", "store_id": "x"}


class TablesContract(FencingLaws, LedgerLaws, OutputLaws, RetryLaws, StandingLaws, TaggingLaws):
    """What every store promises, also one in memory: its tables, and the laws of runs on top of them."""

    def make_store(self, folder: Path) -> BaseMetadataStoreNode:
        raise NotImplementedError("give the store to test: override make_store")

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[BaseMetadataStoreNode]:
        store = self.make_store(tmp_path)
        store.open()
        yield store
        store.close()

    # ---- rows

    def test_a_row_comes_back_as_it_was_inserted(self, store: BaseMetadataStoreNode) -> None:
        row = artifact_row("ü/\N{SNOWMAN} 'quoted\".txt")
        row_id = store.insert("artifacts", row)
        (found,) = store.select("artifacts", {})
        assert found == {"id": row_id, **row}
        assert [type(value) for value in found.values()] == [int, *(type(value) for value in row.values())]

    def test_a_float_comes_back_to_the_last_bit(self, store: BaseMetadataStoreNode) -> None:
        for n, value in enumerate((0.1, 1e-300, -1.7976931348623157e308, 5e-324)):
            store.insert("metrics", metric_row(n=n, value=value))
        assert [row["value"] for row in store.select("metrics", {})] == [0.1, 1e-300, -1.7976931348623157e308, 5e-324]

    def test_ids_rise_and_are_not_given_again(self, store: BaseMetadataStoreNode) -> None:
        ids = [store.insert("runs", run_row()) for _ in range(3)]
        assert ids == sorted(set(ids))
        store.delete("runs", {"id": ids[-1]})
        assert store.insert("runs", run_row()) > ids[-1]

    def test_rows_come_in_the_order_of_their_ids(self, store: BaseMetadataStoreNode) -> None:
        ids = [store.insert("artifacts", artifact_row(name)) for name in "zaybx"]
        assert [row["id"] for row in store.select("artifacts", {"resource": "r"})] == ids
        assert [row["id"] for row in store.select("artifacts", {}, descending=True)] == ids[::-1]

    def test_rows_can_be_read_page_by_page(self, store: BaseMetadataStoreNode) -> None:
        ids = [store.insert("runs", run_row()) for _ in range(5)]
        assert [row["id"] for row in store.select("runs", {}, limit=2, after_id=ids[1])] == ids[2:4]
        page = store.select("runs", {"state": "running"}, descending=True, limit=2, after_id=ids[3])
        assert [row["id"] for row in page] == [ids[2], ids[1]]
        assert store.select("runs", {}, limit=0) == []

    def test_where_takes_values_lists_and_none(self, store: BaseMetadataStoreNode) -> None:
        first = store.insert("artifacts", artifact_row("a"))
        second = store.insert("artifacts", artifact_row("b", state="current", run_id=7, published=False))
        third = store.insert("artifacts", artifact_row("c", state="old", run_id=8))
        for where, expected in (
            ({"location": "b"}, [second]),
            ({"location": ["a", "c", "nowhere"]}, [first, third]),
            ({"location": []}, []),
            ({"run_id": None}, [first]),
            ({"published": True, "state": ["new", "current"]}, [first]),
            ({"published": False}, [second]),
            ({"id": [first, second, third], "run_id": [7, 8]}, [second, third]),
        ):
            assert [row["id"] for row in store.select("artifacts", where)] == expected, where
            assert store.count("artifacts", where) == len(expected), where

    def test_many_values_may_be_looked_for_at_once(self, store: BaseMetadataStoreNode) -> None:
        names = [f"file-{n}" for n in range(700)]
        with store.transaction():
            for name in names:
                store.insert("artifacts", artifact_row(name))
        assert len(store.select("artifacts", {"resource": "r", "location": names[:500]})) == 500

    def test_update_and_delete_say_how_many_rows_they_met(self, store: BaseMetadataStoreNode) -> None:
        for name in "abc":
            store.insert("artifacts", artifact_row(name))
        assert store.update("artifacts", {"state": "new"}, {"state": "current", "run_id": 3}) == 3
        assert store.update("artifacts", {"state": "new"}, {"state": "old"}) == 0
        assert store.delete("artifacts", {"location": ["a", "b"]}) == 2
        assert [(row["location"], row["run_id"]) for row in store.select("artifacts", {})] == [("c", 3)]

    def test_rows_that_were_read_are_copies(self, store: BaseMetadataStoreNode) -> None:
        store.insert("runs", run_row())
        store.select("runs", {})[0]["state"] = "failed"
        assert store.select("runs", {})[0]["state"] == "running"

    # ---- transactions

    def test_nothing_of_a_transaction_is_left_after_an_exception(self, store: BaseMetadataStoreNode) -> None:
        kept, gone = store.insert("artifacts", artifact_row("kept")), store.insert("artifacts", artifact_row("gone"))
        before = store.select("artifacts", {})
        with pytest.raises(ZeroDivisionError), store.transaction():
            store.insert("runs", run_row())
            store.update("artifacts", {"id": kept}, {"size": 1})
            store.delete("artifacts", {"id": gone})
            store.update("artifacts", {}, {"size": 2})
            raise ZeroDivisionError
        assert store.select("runs", {}) == []
        assert store.select("artifacts", {}) == before

    def test_a_transaction_sees_what_it_has_done(self, store: BaseMetadataStoreNode) -> None:
        with store.transaction():
            run = store.insert("runs", run_row())
            store.update("runs", {"id": run}, {"trigger": "other"})
            assert store.select("runs", {})[0]["trigger"] == "other"
            assert store.count("runs", {}) == 1

    def test_a_conflict_takes_its_whole_transaction_back(self, store: BaseMetadataStoreNode) -> None:
        store.insert("runs", run_row(token="once"))
        with pytest.raises(Conflict), store.transaction():
            store.insert("runs", run_row(token="other"))
            store.insert("runs", run_row(token="once"))
        assert [row["token"] for row in store.select("runs", {})] == ["once"]

    # ---- constraints

    @pytest.mark.parametrize(
        ("table", "row", "same"),
        [
            ("runs", run_row(token="t"), {}),
            ("artifacts", artifact_row("a"), {"latest": False, "state": "old"}),
            ("artifacts", artifact_row("a"), {"version": 2, "state": "old"}),
            ("artifacts", artifact_row("a", latest=False), {"version": 2}),
            ("metrics", metric_row(), {"value": 2.0}),
            ("tasks", task_row(), {"state": "executing"}),
            ("params", value_row(), {"value": "2"}),
            ("artifact_tags", {"artifact_id": 1, "key": "k", "value": "1"}, {"value": "2"}),
            ("nodes", node_row(), {"kind": "resource"}),
            ("retries", retry_row(), {"run_id": 2}),
            ("identity", IDENTITY, {"pipeline": "other"}),
        ],
        ids=[
            *("token", "version", "latest", "new", "metric"),
            *("task", "param", "artifact tag", "node", "retry", "identity"),
        ],
    )
    def test_what_may_exist_once_exists_once(
        self, store: BaseMetadataStoreNode, table: str, row: dict[str, Any], same: dict[str, Any]
    ) -> None:
        store.insert(table, row)
        with pytest.raises(Conflict):
            store.insert(table, {**row, **same})
        assert store.count(table, {}) == 1

    def test_no_token_is_not_a_token(self, store: BaseMetadataStoreNode) -> None:
        store.insert("runs", run_row())
        store.insert("runs", run_row())
        assert store.count("runs", {"token": None}) == 2

    def test_an_older_version_stands_beside_the_latest(self, store: BaseMetadataStoreNode) -> None:
        store.insert("artifacts", artifact_row("a", latest=False, state="old"))
        store.insert("artifacts", artifact_row("a", version=2, latest=False, state="old"))
        store.insert("artifacts", artifact_row("a", version=3))
        assert store.count("artifacts", {"latest": False}) == 2

    def test_an_update_may_not_break_a_constraint_either(self, store: BaseMetadataStoreNode) -> None:
        store.insert("runs", run_row(token="a"))
        other = store.insert("runs", run_row(token="b"))
        with pytest.raises(Conflict):
            store.update("runs", {"id": other}, {"token": "a"})
        assert store.select("runs", {"id": other})[0]["token"] == "b"

    @pytest.mark.parametrize(
        ("table", "row"),
        [
            ("runs", run_row(state="sleeping", ended_at=2.0)),
            ("runs", run_row(state="succeeded")),
            ("artifacts", artifact_row("a", run_id=1)),
            ("artifacts", artifact_row("a", state="current")),
            ("artifacts", artifact_row("a", sha256=None)),
            ("tasks", task_row(state="succeeded")),
            ("identity", {**IDENTITY, "number": 2}),
        ],
        ids=[
            *("unknown state", "ended without a time", "new but owned", "current but not owned", "null"),
            *("task ended without a time", "second identity"),
        ],
    )
    def test_rows_that_cannot_be_are_refused(
        self, store: BaseMetadataStoreNode, table: str, row: dict[str, Any]
    ) -> None:
        with pytest.raises(Conflict):
            store.insert(table, row)


class StoreContract(TablesContract):
    """And what a store promises that keeps its tables when its process ends."""

    def test_what_was_committed_is_there_after_opening_again(self, tmp_path: Path) -> None:
        first = self.make_store(tmp_path)
        first.open()
        with first.transaction():
            run = first.insert("runs", run_row())
        first.close()
        first.close()
        again = self.make_store(tmp_path)
        again.open()
        assert [row["id"] for row in again.select("runs", {})] == [run]
        again.close()

    def test_a_store_can_be_read_while_it_is_written(self, store: BaseMetadataStoreNode, tmp_path: Path) -> None:
        run = store.insert("runs", run_row())
        reader = self.make_store(tmp_path)
        reader.open(read_only=True)
        with store.transaction():
            store.insert("runs", run_row())
            assert [row["id"] for row in reader.select("runs", {})] == [run]
        assert reader.count("runs", {}) == 2
        reader.close()
