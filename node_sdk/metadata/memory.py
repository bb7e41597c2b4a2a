"""A metadata store in memory, for tests of nodes and of the ledger: the same tables, constraints and transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from node_sdk.errors import Conflict
from node_sdk.metadata.schema import TABLES, Row, Table
from node_sdk.metadata.tables import Where
from node_sdk.nodes.base import Loggers
from node_sdk.nodes.store import BaseMetadataStoreNode

Key = tuple[Any, ...]


class MemoryMetadataStore(BaseMetadataStoreNode):
    """Forgets everything with its process. Looks at every row of a table, so keep the tables small."""

    lasts = False

    def __init__(
        self,
        name: str = "metadata_store",
        uri: str = "memory://",
        loggers: Loggers = None,
    ) -> None:
        super().__init__(name, uri, loggers)
        self._rows: dict[str, dict[int, Row]] = {table: {} for table in TABLES}
        self._taken: dict[Key, int] = {}  # what may exist once, and the id of the row that has it
        self._last_id = dict.fromkeys(TABLES, 0)
        self._undo: list[tuple[str, int, Row | None]] | None = None

    def open(self, read_only: bool = False) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close: what was recorded stays as long as the object."""

    @contextmanager
    def transaction(self, lasting: bool = True) -> Iterator[None]:
        if self._undo is not None:
            raise RuntimeError("cannot begin a transaction inside another one")
        undo = self._undo = []
        try:
            yield
        except BaseException:
            for table, row_id, row in reversed(undo):
                self._put(table, row_id, row)
            raise
        finally:
            self._undo = None

    def insert(self, table: str, row: Row) -> int:
        row_id = self._last_id[table] + 1
        with self._alone():
            self._change(table, row_id, {"id": row_id, **row})
        self._last_id[table] = row_id
        return row_id

    def select(
        self,
        table: str,
        where: Where,
        *,
        descending: bool = False,
        limit: int | None = None,
        after_id: int | None = None,
    ) -> list[Row]:
        rows = [dict(row) for row in self._matching(table, where)]
        rows.sort(key=lambda row: row["id"], reverse=descending)
        if after_id is not None:
            rows = [row for row in rows if (row["id"] < after_id if descending else row["id"] > after_id)]
        return rows if limit is None else rows[:limit]

    def update(self, table: str, where: Where, values: Row) -> int:
        found = self._matching(table, where)
        with self._alone():
            for row in found:
                self._change(table, row["id"], {**row, **values})
        return len(found)

    def delete(self, table: str, where: Where) -> int:
        found = self._matching(table, where)
        with self._alone():
            for row in found:
                self._change(table, row["id"], None)
        return len(found)

    def count(self, table: str, where: Where) -> int:
        return len(self._matching(table, where))

    def _matching(self, table: str, where: Where) -> list[Row]:
        rows = self._rows[table]
        row_id = where.get("id")
        if isinstance(row_id, int):
            candidates = [rows[row_id]] if row_id in rows else []
        else:
            candidates = list(rows.values())
        wanted = [(name, value if isinstance(value, (list, tuple)) else (value,)) for name, value in where.items()]
        return [row for row in candidates if all(row[name] in values for name, values in wanted)]

    def _alone(self) -> AbstractContextManager[None]:
        """A change outside of a transaction is one by itself."""
        return self.transaction() if self._undo is None else nullcontext()

    def _change(self, table: str, row_id: int, row: Row | None) -> None:
        if row is not None:
            self._check(TABLES[table], row)
        if self._undo is not None:
            self._undo.append((table, row_id, self._rows[table].get(row_id)))
        self._put(table, row_id, row)

    def _put(self, table: str, row_id: int, row: Row | None) -> None:
        before = self._rows[table].pop(row_id, None)
        for key in _keys(TABLES[table], before):
            del self._taken[key]
        if row is not None:
            self._rows[table][row_id] = row
        for key in _keys(TABLES[table], row):
            self._taken[key] = row_id

    def _check(self, table: Table, row: Row) -> None:
        if set(row) != set(table.column_names):
            raise Conflict(f"a row of {table.name} has the columns {table.column_names}, not {tuple(row)}")
        for column in table.columns:
            if row[column.name] is None and not column.nullable:
                raise Conflict(f"NOT NULL constraint says no: {table.name}.{column.name}")
        for check in table.checks:
            if not check.holds(row):
                raise Conflict(f"check {check.name} says no: {row}")
        for key in _keys(table, row):
            if self._taken.get(key, row["id"]) != row["id"]:
                raise Conflict(f"unique {key[0]} says no: {row}")


def _keys(table: Table, row: Row | None) -> list[Key]:
    """What of this row may exist once. As in SQL, NULL equals nothing, and a partial index sees only its part."""
    if row is None:
        return []
    return [
        (unique.name, *(row[name] for name in unique.columns))
        for unique in table.uniques
        if (unique.when is None or row[unique.when[0]] == unique.when[1])
        and all(row[name] is not None for name in unique.columns)
    ]
