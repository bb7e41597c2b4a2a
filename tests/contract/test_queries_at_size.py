"""What an arrival and a run ask of SQLite costs the same however many artifacts there are: counted in its own steps,
in a database that is opened with all of them in it, for SQLite plans otherwise in one that grew meanwhile."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node_sdk.metadata import SqliteMetadataStore
from node_sdk.testing.asking import Asker, action, graph
from node_sdk.wire.store import Count, ForgetArtifacts, Select

FEW, MANY = 1_000, 20_000
FILL = """
WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ? - 1)
INSERT INTO artifacts (resource, location, version, latest, state, sha256, size, mtime_ns, published, created_at)
SELECT 'data', n, 1, 1, ?, n, 1, 1, 1, 1.0 FROM numbers
"""
STEP = 10  # of SQLite's instructions, for each count of ours


def counting(path: Path, number: int, state: str) -> tuple[Asker, list[int]]:
    """A pipeline with so many artifacts in `state`, and a list that grows with SQLite's work."""
    file = path / f"{number}-{state}.db"
    store = SqliteMetadataStore("store", f"sqlite:///{file}", synchronous="NORMAL")
    store.open()
    asker = Asker(store, graph(action("train", "data")))
    store.close()
    with sqlite3.connect(file) as connection:
        connection.execute(FILL, (number, state))
    connection.close()
    store.open()
    asker.restart_store()
    steps: list[int] = []
    database: Any = store._database
    database._connection.driver_connection.set_progress_handler(lambda: steps.append(1), STEP)
    return asker, steps


def arrival(asker: Asker) -> None:
    asker.record("one more")
    asker.ask("data", Count("artifacts", {"resource": "data", "state": "new"}))


def run(asker: Asker) -> None:
    asker.complete("train", asker.run("one more"))


def known(asker: Asker) -> None:
    where = {"resource": "data", "location": [f"{number}" for number in range(500)], "latest": True}
    asker.ask("data", Select("artifacts", where))


def page(asker: Asker) -> None:
    asker.ask("data", Select("artifacts", {"resource": "data"}, limit=100, after_id=500))
    asker.ask("data", Select("artifacts", {"resource": "data", "state": "new"}, limit=100, after_id=500))


def departure(asker: Asker) -> None:
    asker.ask("data", ForgetArtifacts("data", ("7",)))


@pytest.mark.parametrize(
    ("state", "asked"),
    [
        ("new", arrival),
        ("new", known),
        ("new", page),
        ("new", departure),
        ("old", arrival),
        ("old", known),
        ("old", page),
        ("old", run),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_it_reads_no_more_where_there_is_much_more(tmp_path: Path, state: str, asked: Callable[[Asker], None]) -> None:
    cost = []
    for number in (FEW, MANY):
        asker, steps = counting(tmp_path, number, state)
        asker.ask("data", Count("artifacts", {"resource": "data", "state": "new"}))  # once, after a start
        steps.clear()
        asked(asker)
        cost.append(len(steps))
        asker.tables.close()  # type: ignore[attr-defined]
    assert cost[1] < 2 * cost[0] + 20, f"{cost} times {STEP} instructions with {FEW} and with {MANY} artifacts"
