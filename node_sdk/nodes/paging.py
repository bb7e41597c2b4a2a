"""Reads any number of rows from a metadata store, a bounded answer at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from node_sdk.nodes.binding import StoreAccess
from node_sdk.wire.store import Select, Table

PAGE = 1000  # rows in one answer


def pages(
    store: StoreAccess, table: Table, where: dict[str, Any], *, descending: bool = False, limit: int | None = None
) -> Iterator[list[dict[str, Any]]]:
    """The rows that `where` holds for, in the order of their ids, at most `limit`; each time what one answer holds."""
    left, after = limit, None
    while left is None or left > 0:
        wanted = PAGE if left is None else min(PAGE, left)
        page = store.ask(Select(table, where, descending, wanted, after))
        if page:
            yield page
        if len(page) < wanted:
            return
        left = None if left is None else left - wanted
        after = page[-1]["id"]


def select_all(
    store: StoreAccess, table: Table, where: dict[str, Any], *, descending: bool = False, limit: int | None = None
) -> list[dict[str, Any]]:
    """All of these rows at once."""
    return [row for page in pages(store, table, where, descending=descending, limit=limit) for row in page]
