"""Invents a past: runs that succeeded, each with its tasks and one artifact, written straight into the store's file, in
seconds instead of the hours of really making them. The rows keep the laws, and the tables' constraints see to it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from node_sdk.metadata.schema import TABLES

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {runs}) "
_BEGAN = "1700000000.0 + i"


def invent(database: Path, runs: int) -> None:
    """Add `runs` runs behind those that the store at `database` holds, which nobody has open; all of them are over."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM runs").fetchone()
        nodes = connection.execute("SELECT name, kind FROM nodes").fetchall()
        _insert(connection, runs, "runs", _run(last))
        for name, kind in nodes:
            _insert(connection, runs, "tasks", _task(last, name, kind))
        (inbox,) = (name for name, kind in nodes if kind == "resource")
        _insert(connection, runs, "artifacts", _artifact(last, inbox))
        connection.execute("UPDATE nodes SET last_run_id = ? WHERE name = ?", (last + runs, inbox))


def _run(last: int) -> dict[str, str]:
    return {
        "id": f"{last} + i",
        "state": "'succeeded'",
        "trigger": "'inbox'",
        "started_at": _BEGAN,
        "ended_at": f"{_BEGAN} + 0.5",
    }


def _task(last: int, node: str, kind: str) -> dict[str, str]:
    begun = int(kind == "action")
    return {
        "run_id": f"{last} + i",
        "node": f"'{node}'",
        "state": "'succeeded'",
        "attempts": f"{begun}",
        "crashes": "0",
        "failures": "0",
        "incarnation": "1" if begun else "NULL",
        "started_at": _BEGAN,
        "ended_at": f"{_BEGAN} + 0.4",
    }


def _artifact(last: int, resource: str) -> dict[str, str]:
    return {
        "resource": f"'{resource}'",
        "location": "'past-' || i || '.txt'",
        "version": "1",
        "latest": "1",
        "state": "'old'",
        "run_id": f"{last} + i",
        "sha256": "printf('%064x', i)",
        "size": "10",
        "mtime_ns": "i",
        "published": "1",
        "created_at": _BEGAN,
    }


def _insert(connection: sqlite3.Connection, runs: int, table: str, values: Mapping[str, str]) -> None:
    missing = {column.name for column in TABLES[table].columns if not column.nullable} - set(values)
    if missing:
        raise ValueError(f"cannot invent rows of {table}: nothing is known of its columns {', '.join(sorted(missing))}")
    columns, rows = ", ".join(values), ", ".join(values.values())
    connection.execute(f"INSERT INTO {table} ({columns}) {_NUMBERS.format(runs=runs)} SELECT {rows} FROM n")
