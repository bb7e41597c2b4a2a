"""Reads the rows of a table in order, and says what a database can say of transactions that are still open.

Imports SQLAlchemy; imported when a table is looked at. Every transaction of its own is one statement long.
"""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, unquote

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from node_sdk.errors import InvalidPipeline, ResourceUnavailable
from node_sdk.resources.horizon import PREPARED
from node_sdk.urls import without_secrets

Row = Any  # of a result: its columns in order, and by name
PAGE = 500  # rows that are read at once
# Each transaction holds a lock on its virtual id from its first statement on, also where it has written nothing yet,
# and lets go of it as it ends or is prepared: so these first, and then those that are prepared.
AT_WORK = "SELECT virtualxid FROM pg_locks WHERE locktype = 'virtualxid' AND pid <> pg_backend_pid()"
ARE_PREPARED = "SELECT count(*) FROM pg_prepared_xacts"


class SqlRows:
    """The table `table` at `url`. `key`: the columns that name a row, by default its primary key."""

    def __init__(self, url: str, table: str, key: Sequence[str]) -> None:
        self.shown = f"table {table!r} of {without_secrets(url)}"
        self._name, self._given_key = table, tuple(key)
        try:
            parsed = sa.make_url(url)
            settings = {"connect_timeout": 5} if parsed.get_backend_name() == "postgresql" else {}
            self.engine = sa.create_engine(
                parsed, isolation_level="AUTOCOMMIT", poolclass=NullPool, connect_args=settings
            )
        except (sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
            raise InvalidPipeline(f"cannot open {self.shown}: its driver is not installed here ({error})") from error
        except sa.exc.ArgumentError:
            raise InvalidPipeline(f"cannot open table {table!r}: its url is no database URL") from None
        self.dialect = self.engine.dialect.name
        self._table: sa.Table | None = None
        self._held: sa.Connection | None = None

    @property
    def table(self) -> sa.Table:
        """With the columns that it has now."""
        if self._table is None:
            schema, _, name = self._name.rpartition(".")
            with self.connected() as connection:
                self._table = sa.Table(name, sa.MetaData(), schema=schema or None, autoload_with=connection)
        return self._table

    def column(self, name: str) -> sa.Column[Any]:
        """ResourceUnavailable where the table has none of that name."""
        if name not in self.table.columns:
            there = ", ".join(self.table.columns.keys())
            self._table = None  # it may have it the next time
            raise ResourceUnavailable(f"cannot look at {self.shown}: it has no column {name!r}; there are {there}")
        return self.table.columns[name]

    def key(self) -> list[sa.Column[Any]]:
        names = self._given_key or [column.name for column in self.table.primary_key.columns]
        if not names:
            self._table = None
            raise ResourceUnavailable(f"cannot look at {self.shown}: it has no primary key; name its columns with key=")
        return [self.column(name) for name in names]

    # ---- reading

    def highest(self, column: str) -> Any:
        """The highest value that is there; None in an empty table."""
        with self.connected() as connection:
            return connection.execute(sa.select(sa.func.max(self.column(column)))).scalar()

    def open_transactions(self) -> set[str]:
        """Of others, as this database tells. SQLite lets nobody draw a number while another one writes."""
        if self.dialect != "postgresql":
            return set()
        with self.connected() as connection:
            found = {str(row[0]) for row in connection.exec_driver_sql(AT_WORK)}
            return found | ({PREPARED} if connection.exec_driver_sql(ARE_PREPARED).scalar() else set())

    def from_watermark(self, column: str, least: Any) -> Iterator[list[Row]]:
        """Key and watermark of the rows from `least` on (None: all), in order, a page at a time."""
        order = [self.column(column), *self.key()]
        query = sa.select(*self.key(), self.column(column).label("watermark")).order_by(*order).limit(PAGE)
        query = query.where(self.column(column).is_not(None) if least is None else self.column(column) >= least)
        after = None
        while True:
            with self.connected() as connection:
                given = query if after is None else query.where(sa.tuple_(*order) > sa.tuple_(*after))
                page = list(connection.execute(given))
            if page:
                yield page
            if len(page) < PAGE:
                return
            values = [page[-1].watermark, *page[-1][: len(order) - 1]]
            after = [sa.literal(value, each.type) for value, each in zip(values, order, strict=True)]

    def not_taken(self, column: str) -> list[Row]:
        """Key of rows in which `column` is empty, so many as are taken at once."""
        with self.connected() as connection:
            query = sa.select(*self.key()).where(self.column(column).is_(None)).order_by(*self.key()).limit(PAGE)
            return list(connection.execute(query))

    def take(self, column: str, rows: Sequence[Row]) -> None:
        """Fill `column` in these rows, where it is still empty."""
        of_time = isinstance(self.column(column).type, (sa.DateTime, sa.Date))
        value: Any = sa.func.current_timestamp() if of_time else sa.literal(1)
        if isinstance(self.column(column).type, sa.Boolean):
            value = sa.true()
        these = sa.tuple_(*self.key()).in_([tuple(row) for row in rows])
        with self.connected() as connection:
            connection.execute(
                sa.update(self.table).where(these, self.column(column).is_(None)).values({column: value})
            )

    def row(self, location: str) -> dict[str, Any] | None:
        """All columns of one row; None where it is gone."""
        values = [_value(unquote(text), each) for text, each in zip(location.split(","), self.key(), strict=False)]
        if len(values) != len(self.key()):
            return None
        same = [each == value for each, value in zip(self.key(), values, strict=True)]
        with self.connected() as connection:
            found: Any = connection.execute(sa.select(self.table).where(*same)).mappings().one_or_none()
        return None if found is None else dict(found)

    def location(self, row: Sequence[Any]) -> str:
        """The key of a row as text."""
        return ",".join(quote(_text(value), safe=" +:@") for value in row[: len(self.key())])

    # ---- the connection

    @contextmanager
    def held(self) -> Iterator[None]:
        """Inside, all that is called here goes over one connection. For the one thread that polls."""
        with self.connected() as self._held:
            try:
                yield
            finally:
                self._held = None

    @contextmanager
    def connected(self) -> Iterator[sa.Connection]:
        """ResourceUnavailable, without secrets, for whatever the database says inside."""
        if self._held is not None:
            yield self._held
            return
        try:
            with self.engine.connect() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            self._table = None  # its columns may be others by the next time
            said = without_secrets(str(getattr(error, "orig", None) or error)).strip().partition("\n")[0]
            if isinstance(error, sa.exc.NoSuchTableError):
                said = "there is no such table; make it"
            raise ResourceUnavailable(f"cannot look at {self.shown}: {said}") from error


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, (datetime.datetime, datetime.date)) else str(value)


def _value(text: str, column: sa.Column[Any]) -> Any:
    """The reverse of `_text`, for the type of this column."""
    kind = column.type.python_type
    if kind in (datetime.datetime, datetime.date):
        return kind.fromisoformat(text)
    return kind(text) if kind in (int, float, decimal.Decimal, uuid.UUID) else text
