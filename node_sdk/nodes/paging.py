"""Reads any number of rows from a metadata store, a bounded answer at a time."""

from __future__ import annotations

from typing import Any

from node_sdk.nodes.binding import StoreAccess
from node_sdk.wire.store import Select, Table

PAGE = 1000  # rows in one answer


def select_all(
    store: StoreAccess, table: Table, where: dict[str, Any], *, descending: bool = False, limit: int | None = None
) -> list[dict[str, Any]]:
    """The rows that `where` holds for, in the order of their ids, at most `limit`."""
    rows: list[dict[str, Any]] = []
    after: int | None = None
    while limit is None or len(rows) < limit:
        wanted = PAGE if limit is None else min(PAGE, limit - len(rows))
        page = store.ask(Select(table, where, descending, wanted, after))
        rows.extend(page)
        if len(page) < wanted:
            break
        after = page[-1]["id"]
    return rows
