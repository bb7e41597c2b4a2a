"""A metadata store in an SQL database, by SQLAlchemy, which is imported when the store is opened: only the process of
the store pays for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from node_sdk.errors import NotRunning
from node_sdk.metadata.schema import Row
from node_sdk.metadata.tables import Where
from node_sdk.nodes.store import BaseMetadataStoreNode

if TYPE_CHECKING:
    from node_sdk.metadata.database import Database


class SqlMetadataStore(BaseMetadataStoreNode):
    """Keeps runs in the PostgreSQL database at `uri`: `postgresql+psycopg://user:password@host/name?schema=NAME`.

    The database must exist; schema and tables are created, and brought up to date, when the store starts. One store at
    a time has a schema; without `?schema=` it is the one where this user's tables go by themselves. The driver is in
    the extra `postgresql`, to be installed where the pipeline runs. For SQLite there is `SqliteMetadataStore`.
    """

    _database: Database | None = None

    def open(self, read_only: bool = False) -> None:
        """Connect; StoreUnavailable says why that cannot be done."""
        self._database = self._connect(read_only)

    def close(self) -> None:
        """Give the connection back. Closing twice does nothing."""
        database, self._database = self._database, None
        if database is not None:
            database.close()

    def transaction(self, lasting: bool = True) -> AbstractContextManager[None]:
        return self._opened.transaction(lasting)

    def insert(self, table: str, row: Row) -> int:
        return self._opened.insert(table, row)

    def insert_all(self, table: str, rows: Sequence[Row]) -> list[int]:
        return self._opened.insert_all(table, rows)

    def select(
        self,
        table: str,
        where: Where,
        *,
        descending: bool = False,
        limit: int | None = None,
        after_id: int | None = None,
    ) -> list[Row]:
        return self._opened.select(table, where, descending, limit, after_id)

    def update(self, table: str, where: Where, values: Row) -> int:
        return self._opened.update(table, where, values)

    def delete(self, table: str, where: Where) -> int:
        return self._opened.delete(table, where)

    def count(self, table: str, where: Where) -> int:
        return self._opened.count(table, where)

    @property
    def _opened(self) -> Database:
        if self._database is None:
            raise NotRunning(f"cannot use the tables of {self.name!r}: it is not open in this process")
        return self._database

    def _connect(self, read_only: bool) -> Database:
        from node_sdk.metadata.connect import connect

        return connect(self.uri, read_only)
