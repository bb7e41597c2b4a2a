"""One held connection to an SQL database and the table operations on it.

SQLAlchemy knows the databases: it makes the connection, creates the tables and compiles each statement once. The
statements then go straight to the driver, which costs a tenth of the time. Imported when a store is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPICursor

from node_sdk.errors import Conflict
from node_sdk.metadata.faults import meaning, unavailable
from node_sdk.metadata.schema import TABLES, Row
from node_sdk.metadata.statements import Statement, Statements, shape_of, where_values
from node_sdk.metadata.tables import Where


class Database:
    """The tables of `engine`, which exist already. `begin` is how a transaction starts where the driver does not;
    `levels` are the statements that have commits wait for the disk, and not.

    `still_there` is asked after each commit, before anybody hears of it: it raises where that went to no place at all.
    """

    def __init__(
        self,
        engine: sa.Engine,
        shown: str,
        begin: str | None = None,
        still_there: Callable[[], None] | None = None,
        levels: tuple[str, str] | None = None,
    ) -> None:
        self._engine = engine
        self._shown = shown
        self._begin = begin
        self._still_there = still_there
        self._levels = levels
        self._lasting = True
        self._statements = Statements(engine.dialect)
        self._errors: Any = engine.dialect.dbapi
        self._connection = engine.raw_connection()
        self._cursor: DBAPICursor = self._connection.cursor()
        self._inside = False
        self._lost: str | None = None  # why the connection cannot be used again

    def close(self) -> None:
        self._cursor.close()
        self._connection.close()
        self._engine.dispose()

    def transaction(self, lasting: bool = True) -> AbstractContextManager[None]:
        return _Transaction(self, lasting)

    def begin(self, lasting: bool) -> None:
        """For `transaction`: begin one; if this raises, none has begun."""
        if self._inside:
            raise RuntimeError("cannot begin a transaction inside another one")
        if self._lost:
            raise unavailable("use", self._shown, self._lost)
        try:
            if self._levels and lasting is not self._lasting:
                self._cursor.execute(self._levels[0 if lasting else 1])
                self._lasting = lasting
            if self._begin:
                self._cursor.execute(self._begin)
        except self._errors.Error as error:
            raise self._translated(error) from error
        self._inside = True

    def end(self, commit: bool) -> None:
        """For `transaction`: the other end of it. What could not be committed is rolled back."""
        try:
            if commit:
                self._commit()
            else:
                self._roll_back()
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._inside = False

    def _commit(self) -> None:
        try:
            self._connection.commit()
        except self._errors.Error as error:
            raise self._translated(error) from error
        if self._still_there:
            self._still_there()

    def insert(self, table: str, row: Row) -> int:
        statement = self._statements.insert(table)
        with self._alone():
            self._execute(statement, row)
            new = self._cursor.fetchall()[0][0] if self._statements.returning else self._cursor.lastrowid
        return int(new)

    def insert_all(self, table: str, rows: Sequence[Row]) -> list[int]:
        if self._engine.dialect.name != "sqlite" or not rows:
            return [self.insert(table, row) for row in rows]
        statement = self._statements.insert(table)
        with self._alone():
            try:
                self._cursor.executemany(statement.sql, [statement.arguments(row) for row in rows])
                self._cursor.execute("SELECT last_insert_rowid()")
            except self._errors.Error as error:
                raise self._translated(error) from error
            last = int(self._cursor.fetchall()[0][0])
        # Nobody else writes in between, and SQLite numbers one after the other.
        return list(range(last - len(rows) + 1, last + 1))

    def select(self, table: str, where: Where, descending: bool, limit: int | None, after_id: int | None) -> list[Row]:
        shape = shape_of(where)
        if shape is None:
            return []
        statement = self._statements.select(table, shape, descending, limit is not None, after_id is not None)
        values = where_values(where, shape)
        values["limit"], values["after_id"] = limit, after_id
        with self._reading():
            self._execute(statement, values)
            found = self._cursor.fetchall()
        names = TABLES[table].column_names
        rows = [dict(zip(names, each, strict=True)) for each in found]
        for name in TABLES[table].booleans:
            for row in rows:
                row[name] = bool(row[name])
        return rows

    def update(self, table: str, where: Where, values: Row) -> int:
        shape = shape_of(where)
        if shape is None:
            return 0
        statement = self._statements.update(table, shape, tuple(values))
        arguments = where_values(where, shape)
        arguments.update((f"v_{name}", value) for name, value in values.items())
        return self._changed(statement, arguments)

    def delete(self, table: str, where: Where) -> int:
        shape = shape_of(where)
        if shape is None:
            return 0
        return self._changed(self._statements.delete(table, shape), where_values(where, shape))

    def count(self, table: str, where: Where) -> int:
        shape = shape_of(where)
        if shape is None:
            return 0
        with self._reading():
            self._execute(self._statements.count(table, shape), where_values(where, shape))
            return int(self._cursor.fetchall()[0][0])

    def _changed(self, statement: Statement, values: Row) -> int:
        with self._alone():
            self._execute(statement, values)
            return self._cursor.rowcount

    def _execute(self, statement: Statement, values: Row) -> None:
        # The hottest lines of the store: no context manager here.
        try:
            arguments = statement.arguments(values)
            self._cursor.execute(statement.sql, arguments)
        except self._errors.Error as error:
            raise self._translated(error) from error

    def _translated(self, error: Any) -> Any:
        match meaning(error, self._errors):
            case "conflict":
                return Conflict(f"a constraint of the database says no: {error}")
            case "statement":
                return error  # this one was wrong; the database itself is well
            case _:
                return unavailable("use", self._shown, error)

    def _alone(self) -> _Already | Any:
        """An operation outside of a transaction is one by itself."""
        return _ALREADY if self._inside else self.transaction()

    def _reading(self) -> _Already | Any:
        """A question alone needs no transaction, but of a driver that has begun one by itself."""
        if self._inside:
            return _ALREADY
        return self.transaction() if self._begin is None else self._looking()

    @contextmanager
    def _looking(self) -> Iterator[None]:
        yield
        if self._still_there:
            self._still_there()

    def _roll_back(self) -> None:
        try:
            self._connection.rollback()
        except self._errors.Error as error:
            # The first error says what is wrong; a connection in such a state is not used again.
            self._lost = f"its connection was lost ({error})"
            self._connection.invalidate()


class _Transaction:
    """No generator: there is one for each batch of requests, and what is around a `yield` takes ten times as long."""

    __slots__ = ("_database", "_lasting")

    def __init__(self, database: Database, lasting: bool) -> None:
        self._database, self._lasting = database, lasting

    def __enter__(self) -> None:
        self._database.begin(self._lasting)

    def __exit__(self, kind: object, *rest: object) -> None:
        self._database.end(commit=kind is None)


class _Already:
    """Stands for the transaction that is under way."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *exc: object) -> None:
        return None


_ALREADY = _Already()
