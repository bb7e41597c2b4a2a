"""No query of the run loop grows with the past: SQLite plans each of them with an index, or reads a bounded table.

The statements are taken from the driver, with their parameters, while a pipeline lives through everything that its
nodes ask of a store. A plan made of the text with values in place of the parameters could use indexes that the real
one cannot.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node_sdk.metadata import SqliteMetadataStore
from node_sdk.testing.asking import Asker, action, graph
from node_sdk.wire.store import (
    OPERATOR,
    AskDue,
    Begin,
    Complete,
    Count,
    EndAttempt,
    EndRun,
    ForgetArtifacts,
    LogMetrics,
    LogParams,
    Lost,
    Output,
    Published,
    RetryRun,
    Select,
    SetTags,
    StartRun,
    TagArtifact,
    UpdateArtifact,
)

# As large as the graph, whatever has happened; and what asks no table at all (the id of the last row).
BOUNDED = {"nodes", "identity", "CONSTANT"}
# What leads to the rows of one run, one file, one wish: as many as before, however long the past.
NARROW = ("id=?", "rowid=?", "run_id=?", "made_by_run=?", "location=?", "token=?", "artifact_id=?")
# What leads to the rows that are open now, where it is asked for those: not to be sorted by something else.
OPEN = ("state=?", "made_by_node=? AND published=?")


@dataclass(frozen=True)
class Asked:
    """A statement as the driver gets it."""

    sql: str
    parameters: Any

    def plan(self, connection: sqlite3.Connection) -> list[str]:
        """Lines like `SEARCH runs USING INDEX runs_by_state (state=?)`."""
        rows = sqlite3.Cursor(connection).execute(f"EXPLAIN QUERY PLAN {self.sql}", self.parameters)
        return [row[3] for row in rows]

    @property
    def is_the_end_of_a_table(self) -> bool:
        """Rows from one end of the table, in the order of their ids, and no more than a limit."""
        return " WHERE " not in self.sql.replace("\n", " ") and "LIMIT" in self.sql


class Listening:
    """A connection that remembers what it is asked."""

    def __init__(self) -> None:
        self.asked: dict[str, Asked] = {}
        self.connection: sqlite3.Connection

    def connect(self, *args: Any, **options: Any) -> sqlite3.Connection:
        asked = self.asked

        class Cursor(sqlite3.Cursor):
            def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
                asked[sql] = Asked(sql, parameters)
                return super().execute(sql, parameters)

            def executemany(self, sql: str, rows: Any) -> sqlite3.Cursor:
                rows = list(rows)
                asked.update({sql: Asked(sql, rows[0])} if rows else {})
                return super().executemany(sql, rows)

        class Connection(sqlite3.Connection):
            def cursor(self, factory: Any = Cursor) -> Any:
                return super().cursor(factory)

            def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
                return self.cursor().execute(sql, parameters)

        self.connection = connect(*args, **{"factory": Connection, **options})
        return self.connection

    def statements(self) -> list[Asked]:
        words = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
        return [each for each in self.asked.values() if each.sql.lstrip().startswith(words)]


connect = sqlite3.connect


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Listening, Asker]]:
    listening = Listening()
    monkeypatch.setattr(sqlite3, "connect", listening.connect)
    store = SqliteMetadataStore("store", f"sqlite:///{tmp_path}/runs.db")
    store.open()
    listening.asked.clear()  # what came before was about the schema
    yield listening, Asker(store, graph(action("a", "data"), action("b", "a", retries=1), max_concurrent_runs=2))
    store.close()


def live_through_everything(ask: Asker) -> None:
    """Whatever nodes, resources and people ask of a store while a pipeline works."""
    for node in ("data", "models", "a", "b"):
        ask.hello(node)
    run = ask.run("x", "y")
    ask.ask("data", Count("artifacts", {"resource": "data", "state": "new"}))
    ask.ask("a", AskDue(run))
    ask.ask("a", Begin(run, 1))
    ask.ask("a", LogMetrics(run, 1, 0, {"loss": 0.5}))
    ask.ask("a", LogParams(run, 1, {"epochs": 3}))
    ask.ask("a", SetTags(run, 1, {"best": True}))
    ask.ask("a", Select("artifacts", {"resource": "data", "state": "current", "run_id": run}))
    outputs = (Output("models", "m", "s/m", "ab", 1), Output("models", "n", "s/n", "cd", 1))
    ask.ask("a", Complete(run, 1, "succeeded", None, outputs))
    ask.ask("a", Published(run, (Lost("models", "n", "gone"),)))
    ask.ask("b", Begin(run, 1))
    ask.ask("b", EndAttempt(run, 1, "failed", "no", 0.0))
    ask.ask("b", Begin(run, 2))
    ask.ask("b", Complete(run, 2, "error", "no"))
    ask.ask(OPERATOR, RetryRun(run, None, "again"))
    ask.hello("store")
    ask.ask(OPERATOR, EndRun(run, "cancelled"))
    ask.record("x", content="other bytes")
    ask.record("z")
    ask.ask("data", ForgetArtifacts("data", ("z",)))
    (kept,) = ask.rows("artifacts", resource="models", location="m")
    ask.ask(OPERATOR, UpdateArtifact(kept["id"], "old"))
    ask.ask(OPERATOR, TagArtifact(kept["id"], {"best": True}))
    ask.ask(OPERATOR, StartRun("by hand"))
    ask.ask(OPERATOR, Select("runs", {}, descending=True, limit=20))
    ask.ask(OPERATOR, Select("tasks", {"run_id": [1, 2]}))
    ask.restart_store()


def growing(asked: Asked, steps: list[str]) -> list[str]:
    """The steps that take longer the more has happened."""
    searches = [step for step in steps if step.startswith("SEARCH ")]
    narrow = any(each in step for step in searches for each in NARROW)
    found = [step for step in searches if not narrow and not any(each in step for each in OPEN)]
    found += [step for step in steps if "TEMP B-TREE" in step and not narrow]
    scans = [step for step in steps if step.startswith("SCAN ") and step.split()[1] not in BOUNDED]
    return found + ([] if asked.is_the_end_of_a_table else scans)


def create_indexes_again(connection: sqlite3.Connection, backwards: bool) -> None:
    """In this order: SQLite chooses by it between two indexes that seem as good to it, and rows decide later."""
    listed = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    for name, sql in sorted(connection.execute(listed).fetchall(), reverse=backwards):
        connection.execute(f"DROP INDEX {name}")
        connection.execute(sql)


@pytest.mark.parametrize("backwards", [False, True])
def test_no_query_of_the_run_loop_looks_through_a_table(heard, backwards):
    listening, ask = heard
    live_through_everything(ask)
    statements = listening.statements()
    create_indexes_again(listening.connection, backwards)
    found = [
        f"{step}\n    {asked.sql}" for asked in statements for step in growing(asked, asked.plan(listening.connection))
    ]
    assert not found, "these queries take longer the more has happened; they want an index:\n" + "\n".join(found)


def test_a_query_without_an_index_would_be_found(heard):
    listening, ask = heard
    ask.ask(OPERATOR, Select("tasks", {"state": "executing"}))
    (asked,) = [each for each in listening.statements() if "FROM tasks" in each.sql]
    assert growing(asked, asked.plan(listening.connection))


def test_every_table_of_the_run_loop_was_asked(heard):
    listening, ask = heard
    live_through_everything(ask)
    said = " ".join(each.sql for each in listening.statements())
    for table in ("runs", "tasks", "artifacts", "metrics", "params", "tags", "artifact_tags", "nodes", "retries"):
        assert f" {table} " in said.replace("\n", " "), f"nothing was asked of {table}"
    assert len(listening.statements()) > 30
