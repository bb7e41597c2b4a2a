"""The schema as SQLAlchemy tables, and statements compiled once for each shape that is asked for.

Imports SQLAlchemy, so only `database` imports this, when a store is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ClauseElement, ColumnElement

from node_sdk.metadata import schema
from node_sdk.metadata.tables import Where

# ("=" | "null" | True | False | number of values) for each column of a `where`: what makes one statement serve many.
Shape = tuple[tuple[str, Any], ...]

# Pages of most of a table are read along its ids. SQLite would find them by an index, and sort all for each page.
_ALONG_IDS = {("artifacts", ("resource",)), ("artifacts", ("resource", "latest"))}
_PARTIAL_INDEXES = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text for the driver, and the order of its parameters where they have no names.

    `fixed` are parameters that SQLAlchemy put in by itself (SQLite's LIMIT comes with an OFFSET).
    """

    sql: str
    order: tuple[str, ...] | None
    fixed: Mapping[str, Any]

    def arguments(self, values: dict[str, Any]) -> Any:
        if self.fixed:
            values = {**self.fixed, **values}
        return values if self.order is None else [values[name] for name in self.order]


def shape_of(where: Where) -> Shape | None:
    """The shape of `where`; None where an empty list of values makes it impossible."""
    shape: list[tuple[str, Any]] = []
    for column, wanted in where.items():
        if isinstance(wanted, (list, tuple)):
            if not wanted:
                return None
            # Rounded up to a power of two, so that few statements serve all lengths; the last value is repeated.
            shape.append((column, 1 << (len(wanted) - 1).bit_length()))
        elif wanted is None:
            shape.append((column, "null"))
        else:
            # Booleans stand in the text itself: a partial index serves only a condition known when planning.
            shape.append((column, bool(wanted) if isinstance(wanted, bool) else "="))
    return tuple(shape)


def where_values(where: Where, shape: Shape) -> dict[str, Any]:
    """The parameters of `where` in a statement of this shape."""
    values: dict[str, Any] = {}
    for column, form in shape:
        wanted = where[column]
        if form == "=":
            values[f"w_{column}"] = wanted
        elif isinstance(wanted, (list, tuple)):
            last = len(wanted) - 1
            values.update((f"w_{column}_{i}", wanted[min(i, last)]) for i in range(form))
    return values


class Statements:
    """Compiles for one dialect, each shape once."""

    def __init__(self, dialect: sa.Dialect) -> None:
        self._dialect = dialect
        self._tables = metadata_for(dialect.name).tables
        self._compiled: dict[tuple[Any, ...], Statement] = {}
        # SQLite's own way to tell the new id is several times as fast as its RETURNING.
        self.returning = dialect.insert_returning and dialect.name != "sqlite"

    def insert(self, table: str) -> Statement:
        known = self._compiled.get(("insert", table))
        return known or self._keep(("insert", table), self._insert(self._tables[table]))

    def select(self, table: str, shape: Shape, descending: bool, limited: bool, after: bool) -> Statement:
        key = ("select", table, shape, descending, limited, after)
        known = self._compiled.get(key)
        if known is None:
            t = self._tables[table]
            named = (table, tuple(name for name, _ in shape))
            along_ids = after and named in _ALONG_IDS and self._dialect.name == "sqlite"
            condition = _condition(t, shape, indexed=not along_ids)
            if after:
                edge: ColumnElement[int] = sa.bindparam("after_id", type_=t.c.id.type)
                condition.append(t.c.id < edge if descending else t.c.id > edge)
            statement = sa.select(t).where(*condition).order_by(t.c.id.desc() if descending else t.c.id)
            if limited:
                statement = statement.limit(sa.bindparam("limit", type_=sa.Integer()))
            known = self._keep(key, statement)
        return known

    def update(self, table: str, shape: Shape, columns: tuple[str, ...]) -> Statement:
        key = ("update", table, shape, columns)
        known = self._compiled.get(key)
        if known is None:
            t = self._tables[table]
            values = {t.c[name]: sa.bindparam(f"v_{name}", type_=t.c[name].type) for name in columns}
            known = self._keep(key, t.update().where(*_condition(t, shape)).values(values))
        return known

    def delete(self, table: str, shape: Shape) -> Statement:
        key = ("delete", table, shape)
        known = self._compiled.get(key)
        t = self._tables[table]
        return known or self._keep(key, t.delete().where(*_condition(t, shape)))

    def count(self, table: str, shape: Shape) -> Statement:
        key = ("count", table, shape)
        known = self._compiled.get(key)
        t = self._tables[table]
        return known or self._keep(key, sa.select(sa.func.count()).select_from(t).where(*_condition(t, shape)))

    def _insert(self, table: sa.Table) -> ClauseElement:
        columns = [column for column in table.c if column.name != "id"]
        statement = table.insert().values({c: sa.bindparam(c.name, type_=c.type) for c in columns})
        return statement.returning(table.c.id) if self.returning else statement

    def _keep(self, key: tuple[Any, ...], statement: ClauseElement) -> Statement:
        compiled: Any = statement.compile(dialect=self._dialect)
        order = tuple(compiled.positiontup) if compiled.positional else None
        fixed = {name: value for name, value in compiled.params.items() if value is not None}
        kept = self._compiled[key] = Statement(str(compiled), order, fixed)
        return kept


def metadata_for(dialect: str) -> sa.MetaData:
    """The schema as SQLAlchemy tables, as the databases of this dialect can keep it."""
    metadata = sa.MetaData()
    for table in schema.TABLES.values():
        t = sa.Table(
            table.name,
            metadata,
            sa.Column("id", _bigint(), primary_key=True, autoincrement=True),
            *(sa.Column(c.name, _TYPES[c.kind], nullable=c.nullable) for c in table.columns),
            *(sa.UniqueConstraint(*u.columns, name=u.name) for u in table.uniques if u.when is None),
            *(sa.CheckConstraint(check.sql, name=check.name) for check in table.checks),
            sqlite_autoincrement=True,  # an id is never given twice, even when its row is gone
        )
        for index in table.indexes:
            sa.Index(index.name, *(t.c[name] for name in index.columns))
        for unique in table.uniques:
            if unique.when is not None:
                _partial(t, unique, dialect)
    return metadata


def _partial(table: sa.Table, unique: schema.Unique, dialect: str) -> None:
    column, value = unique.when or ("", None)
    holds = table.c[column] == (sa.true() if value is True else sa.literal_column(f"'{value}'"))
    sa.Index(
        unique.name,
        *(table.c[name] for name in unique.columns),
        unique=dialect in _PARTIAL_INDEXES,  # elsewhere it would forbid too much; the ledger still keeps it
        sqlite_where=holds,
        postgresql_where=holds,
    )


def _condition(table: sa.Table, shape: Shape, *, indexed: bool = True) -> list[ColumnElement[bool]]:
    """What `shape` says. Not `indexed`: written so that SQLite finds no index for it (a plus sign hides the column)."""
    found: list[ColumnElement[bool]] = []
    for name, form in shape:
        column: ColumnElement[Any] = table.c[name]
        if not indexed:
            column = sa.literal_column(f"+{table.name}.{name}", column.type)
        if form is True or form is False:
            found.append(column == (sa.true() if form else sa.false()))
        elif form == "null":
            found.append(column.is_(None))
        elif form == "=":
            found.append(column == sa.bindparam(f"w_{name}", type_=column.type))
        else:
            found.append(column.in_([sa.bindparam(f"w_{name}_{i}", type_=column.type) for i in range(form)]))
    return found


def _bigint() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite gives ids only to INTEGER, which holds 64 bits


_TYPES: dict[str, Any] = {
    "integer": _bigint(),
    "real": sa.Double(),
    "text": sa.Text(),
    "boolean": sa.Boolean(),
}
