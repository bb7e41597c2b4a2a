"""Operations that only read: rows of a table and how many there are, checked against the schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from node_sdk.errors import Refused
from node_sdk.metadata.board import Board
from node_sdk.metadata.schema import TABLES, Row
from node_sdk.metadata.tables import Tables
from node_sdk.wire.store import Count, Select

MAX_ROWS = 20_000  # in one answer; ask on with `after_id`
MAX_CHARACTERS = 12_000_000  # likewise: the answer is one message, and those are bounded
MAX_VALUES = 1000  # in the list of one column
_INT64 = range(-(2**63), 2**63)

_IS: dict[str, Callable[[Any], bool]] = {
    "integer": lambda value: type(value) is int and value in _INT64,
    "real": lambda value: type(value) in (int, float),
    "text": lambda value: type(value) is str and "\0" not in value,
    "boolean": lambda value: type(value) is bool,
}


def select(tables: Tables, operation: Select) -> list[Row]:
    """The rows asked for; refused where they are too many for one answer, never cut short in silence."""
    _check_where(operation.table, operation.where)
    for name, number in (("limit", operation.limit), ("after_id", operation.after_id)):
        if number is not None and (number < 0 or number not in _INT64):
            raise Refused("invalid", f"cannot select with {name}={number}: it is 0 or more")
    limit = MAX_ROWS + 1 if operation.limit is None else min(operation.limit, MAX_ROWS + 1)
    rows = tables.select(
        operation.table,
        operation.where,
        descending=operation.descending,
        limit=limit,
        after_id=operation.after_id,
    )
    if len(rows) > MAX_ROWS or sum(map(_characters, rows)) > MAX_CHARACTERS:
        raise Refused(
            "invalid",
            f"cannot answer with so many {operation.table} at once: ask for fewer with limit (at most {MAX_ROWS}), "
            "and for more of them with after_id",
        )
    return rows


def count(board: Board, operation: Count) -> int:
    """How many rows there are."""
    _check_where(operation.table, operation.where)
    match operation.where:
        case {"resource": str(resource), "state": str(state), **others} if (
            operation.table == "artifacts" and not others
        ):
            # Asked after each arrival, while a million may be waiting: counting them each time would take for ever.
            return board.count_artifacts(resource, state)
    return board.tables.count(operation.table, operation.where)


def _check_where(table: str, where: Mapping[str, Any]) -> None:
    kinds = {"id": "integer", **{column.name: column.kind for column in TABLES[table].columns}}
    for name, wanted in where.items():
        if name not in kinds:
            raise Refused("invalid", f"cannot look for {name!r} in {table}: its columns are {', '.join(kinds)}")
        values = wanted if isinstance(wanted, list) else [wanted]
        if len(values) > MAX_VALUES:
            raise Refused("invalid", f"cannot look for {len(values)} values of {name!r}: at most {MAX_VALUES}")
        for value in values:
            # NULL is compared with IS, which a list of values cannot say.
            if not (_IS[kinds[name]](value) or (value is None and wanted is None)):
                raise Refused("invalid", f"cannot look for {value!r:.80} in {table}.{name}: it holds {kinds[name]}")


def _characters(row: Row) -> int:
    return 20 * len(row) + sum(len(value) for value in row.values() if isinstance(value, str))
