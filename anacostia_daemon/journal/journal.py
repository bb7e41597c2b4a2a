"""Reads and writes of the journal: one transaction per turn of the loop, on disk when the turn is left.

The shell performs what a turn decided only after it: so nothing happens that the next daemon would not know of.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from anacostia_daemon.journal.rows import Entry, LoaderRow, NodeRow, PipelineRow
from anacostia_daemon.journal.schema import JournalUnusable, connect

__all__ = ["Entry", "Journal", "JournalError", "JournalUnusable", "LoaderRow", "NodeRow", "PipelineRow"]

JournalError = sqlite3.Error  # whatever reading or writing an open journal may raise

KEEP = 5_000  # entries per pipeline
KEEP_DAYS = 90.0  # after which entries go, but for the newest
_NEWEST = 200  # of a pipeline that is registered stay, however old: a clock that jumps must not cost the whole story
_PRUNE_EVERY = 500  # entries written between two prunings

_NODE_COLUMNS = tuple(each.name for each in fields(NodeRow))
_PIPELINE_COLUMNS = tuple(each.name for each in fields(PipelineRow))


class Journal:
    """The journal at `path`. Only one daemon has it open (the home's lock sees to that); not for several threads.

    Raises JournalUnusable where the file cannot be used. `keep`: how many entries per pipeline are kept, and for how
    many days. `clock`: wall time.
    """

    def __init__(
        self,
        path: Path,
        *,
        keep: int = KEEP,
        keep_days: float = KEEP_DAYS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connection = connect(path)
        self._path, self._file = path, _identity(path)
        self.keep = keep
        self._keep_seconds, self._clock = keep_days * 86400, clock
        self._unpruned = _PRUNE_EVERY  # what grew old while no daemon ran goes with the first line that is written
        self._turning = False
        self._pending: list[tuple[str, tuple[object, ...]]] = []  # what this turn writes, in order
        self._promised = False  # whether any of it must outlive a power failure
        self.wrote = False  # whether the last turn had anything to write, and did
        self._saved: dict[tuple[str, str], NodeRow] = {}

    def misplaced(self) -> str:
        """Why the next daemon would find nothing of what is written: our file was removed, or another one is in its
        place. Empty where it is there."""
        if _identity(self._path) == self._file:
            return ""
        what = "the home was removed or moved away" if not self._path.parent.exists() else "its file was removed"
        what = "another file is in its place" if self._path.exists() else what
        return f"{what}; put it back as it was, and it goes on, or `anacostiactl shutdown` and start anew"

    def close(self) -> None:
        """Close the file. Nothing is lost: what was written is on disk."""
        self._connection.close()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """All that is written inside is one transaction; on disk when it is left, undone where it raises. Reading
        inside shows what was there before."""
        if self._turning:
            raise RuntimeError("cannot begin a turn of the journal: one is under way")
        self._turning, self.wrote = True, False
        try:
            yield
            if self._pending:
                self._commit()
                self.wrote = True
        except BaseException:
            self._saved.clear()
            raise
        finally:
            self._turning = self._promised = False
            self._pending.clear()

    # ---- pipelines

    def save_pipeline(self, row: PipelineRow) -> None:
        """Write down a pipeline, new or changed."""
        values = {**_columns(row), "argv": json.dumps(row.argv), "env": json.dumps(dict(row.env))}
        values["settings"] = json.dumps(row.settings)
        self._promised = True
        self._upsert("pipelines", values, ("name",))

    def pipelines(self) -> list[PipelineRow]:
        """All pipelines, in the order in which they were registered."""
        return [pipeline_of_row(row) for row in self._rows("pipelines", _PIPELINE_COLUMNS, "1 ORDER BY rowid")]

    def pipeline(self, name: str) -> PipelineRow | None:
        rows = self._rows("pipelines", _PIPELINE_COLUMNS, "name = ?", name)
        return pipeline_of_row(rows[0]) if rows else None

    def set_pipeline_desired(self, name: str, desired: str) -> None:
        self._promised = True
        self._write("UPDATE pipelines SET desired = ? WHERE name = ?", desired, name)

    def remove_pipeline(self, name: str) -> None:
        """Forget a pipeline, its nodes and its loader. Its entries and its incarnation numbers stay."""
        self._promised = True
        self._write("DELETE FROM pipelines WHERE name = ?", name)
        self._saved = {key: row for key, row in self._saved.items() if key[0] != name}

    # ---- nodes

    def save_node(self, row: NodeRow) -> None:
        """Write down a node, where it has changed. Its pipeline must be there, its incarnation not below the last."""
        key = (row.pipeline, row.name)
        before = self._saved.get(key)
        if before == row:
            return
        self._promised = self._promised or _is_promise(before, row)
        self._upsert("numbers", {"pipeline": row.pipeline, "node": row.name, "highest": row.incarnation}, _NUMBER)
        self._upsert("nodes", _columns(row), ("pipeline", "name"))
        self._saved[key] = row

    def nodes(self, pipeline: str) -> dict[str, NodeRow]:
        """The nodes of a pipeline by name."""
        rows = self._rows("nodes", _NODE_COLUMNS, "pipeline = ? ORDER BY name", pipeline)
        return {row["name"]: _node(row) for row in rows}

    def set_shapes(self, pipeline: str, shape: str) -> None:
        """All nodes of a pipeline have this shape from now on."""
        self._promised = True
        self._write("UPDATE nodes SET shape = ? WHERE pipeline = ?", shape, pipeline)
        self._saved = {key: row for key, row in self._saved.items() if key[0] != pipeline}

    def remove_node(self, pipeline: str, name: str) -> None:
        """Forget a node that its pipeline has no more. Its incarnation number stays."""
        self._write("DELETE FROM nodes WHERE pipeline = ? AND name = ?", pipeline, name)
        self._saved.pop((pipeline, name), None)

    def last_incarnation(self, pipeline: str, node: str) -> int:
        """The last number given to this node, also where it was removed since; 0 for a new one."""
        rows = self._rows("numbers", ("highest",), "pipeline = ? AND node = ?", pipeline, node)
        return int(rows[0]["highest"]) if rows else 0

    # ---- loaders

    def save_loader(self, row: LoaderRow) -> None:
        self._upsert("loaders", _columns(row), ("pipeline", "pid"))

    def loaders(self, pipeline: str) -> list[LoaderRow]:
        """The one that starts nodes, and older ones of which a node lives."""
        rows = self._rows("loaders", ("pipeline", "pid", "started", "boot_id"), "pipeline = ?", pipeline)
        return [LoaderRow(**row) for row in rows]

    def forget_loader(self, pipeline: str, pid: int) -> None:
        self._write("DELETE FROM loaders WHERE pipeline = ? AND pid = ?", pipeline, pid)

    # ---- entries

    def write(self, entry: Entry) -> None:
        """Add a line."""
        values = _columns(entry)
        values["from"] = values.pop("from_")
        del values["id"]
        self._insert("entries", values)
        self._unpruned += 1

    def entries(
        self, pipeline: str | None = None, node: str | None = None, limit: int = 100, before: int | None = None
    ) -> list[Entry]:
        """The last `limit` lines, oldest first; of a pipeline, of a node of it, or of all; of those before a line."""
        where = "1"
        values: list[object] = []
        for column, value in (("pipeline", pipeline), ("node", node)):
            if value is not None:
                where += f" AND {column} = ?"
                values.append(value)
        if before is not None:
            where += " AND id < ?"
            values.append(before)
        rows = self._rows("entries", _ENTRY_COLUMNS, f"{where} ORDER BY id DESC LIMIT ?", *values, max(limit, 0))
        return [_entry(row) for row in reversed(rows)]

    def entries_after(self, after: int, limit: int = 100) -> list[Entry]:
        """The first `limit` lines of all pipelines that were written after line `after`, oldest first."""
        rows = self._rows("entries", _ENTRY_COLUMNS, "id > ? ORDER BY id LIMIT ?", after, max(limit, 0))
        return [_entry(row) for row in rows]

    def _prune(self) -> None:
        """Drop the lines that are too many or too old. Now and then: it reads a whole index."""
        if self._unpruned < min(_PRUNE_EVERY, self.keep):
            return
        self._unpruned = 0
        registered = {row["name"] for row in self._rows("pipelines", ("name",), "1")}
        before = self._clock() - self._keep_seconds
        for (pipeline,) in self._connection.execute("SELECT DISTINCT pipeline FROM entries").fetchall():
            self._drop(pipeline, self.keep, float("inf"))
            self._drop(pipeline, _NEWEST if pipeline in registered else 0, before)

    def _drop(self, pipeline: str, keep: int, before: float) -> None:
        """Drop the lines of a pipeline that are older than `before`, but for the newest `keep`."""
        self._connection.execute(
            "DELETE FROM entries WHERE pipeline = :pipeline AND at < :before AND id <= (SELECT id FROM entries "
            "WHERE pipeline = :pipeline ORDER BY id DESC LIMIT 1 OFFSET :keep)",
            {"pipeline": pipeline, "before": before, "keep": keep},
        )

    # ---- below

    def _write(self, statement: str, *values: object) -> None:
        """Write at the end of the turn; a turn that writes nothing opens no transaction, and costs nothing."""
        if not self._turning:
            raise RuntimeError("cannot write to the journal: no turn is under way")
        self._pending.append((statement, values))

    def _commit(self) -> None:
        misplaced = self.misplaced()
        if misplaced:
            raise sqlite3.OperationalError(misplaced)
        # What is known of processes is of no use after a power failure: they are gone. So only what was promised to
        # people, and the numbers that must never be given twice, wait for the disk.
        self._connection.execute(f"PRAGMA synchronous = {'FULL' if self._promised else 'NORMAL'}")
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for statement, values in self._pending:
                self._connection.execute(statement, values)
            self._prune()
            self._connection.execute("COMMIT")
        finally:
            # A full disk, or a file that broke, may have rolled back by itself.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _insert(self, table: str, values: Mapping[str, Any], conflict: str = "") -> None:
        columns = ", ".join(f'"{each}"' for each in values)
        marks = ", ".join("?" for _ in values)
        self._write(f"INSERT INTO {table} ({columns}) VALUES ({marks}) {conflict}", *values.values())

    def _upsert(self, table: str, values: Mapping[str, Any], key: tuple[str, ...]) -> None:
        changes = ", ".join(f"{each} = excluded.{each}" for each in values if each not in key)
        self._insert(table, values, f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}")

    def _rows(self, table: str, columns: tuple[str, ...], where: str, *values: object) -> list[dict[str, Any]]:
        names = ", ".join(f'"{each}"' for each in columns)
        rows = self._connection.execute(f"SELECT {names} FROM {table} WHERE {where}", values)
        return [dict(zip(columns, row, strict=True)) for row in rows]


def _is_promise(before: NodeRow | None, row: NodeRow) -> bool:
    """Whether a machine that lost its power must still know what has changed."""
    return (
        before is None
        or any(getattr(before, each) != getattr(row, each) for each in ("desired", "incarnation", "done"))
        or "failed" in (before.phase, row.phase)
    )


_NUMBER = ("pipeline", "node")
_ENTRY_COLUMNS = ("id", "at", "pipeline", "node", "incarnation", "event", "from", "to", "reason")


def _columns(row: PipelineRow | NodeRow | LoaderRow | Entry) -> dict[str, Any]:
    return {each.name: getattr(row, each.name) for each in fields(row)}  # asdict() copies what it finds, deeply


def pipeline_of_row(row: Mapping[str, Any]) -> PipelineRow:
    """A row of `pipelines`, its JSON read. JournalUnusable where that is damaged."""
    try:
        argv, env, settings = (json.loads(row[name]) for name in ("argv", "env", "settings"))
        if not _is_recipe(argv, env, settings):
            raise ValueError("its arguments, its environment or the settings of its nodes are not what was written")
    except (ValueError, RecursionError) as error:
        raise JournalUnusable(
            f"cannot read pipeline {row['name']!r} in the journal: {error}; move the journal away to begin anew, "
            "then start each pipeline from its file"
        ) from error
    return PipelineRow(**{**row, "argv": tuple(argv), "env": env, "settings": settings})


def _is_recipe(argv: object, env: object, settings: object) -> bool:
    if not (isinstance(argv, list) and isinstance(env, dict) and isinstance(settings, dict)):
        return False
    texts = all(isinstance(each, str) for each in argv)
    return (
        texts
        and all(value is None or isinstance(value, str) for value in env.values())
        and all(isinstance(each, dict) for each in settings.values())
    )


def _node(row: dict[str, Any]) -> NodeRow:
    return NodeRow(**{**row, "done": bool(row["done"]), "crashed": bool(row["crashed"])})


def _entry(row: dict[str, Any]) -> Entry:
    return Entry(from_=row.pop("from"), **row)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
