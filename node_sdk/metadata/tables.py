"""The contract between the ledger and a store: a handful of operations on tables, in transactions.

A new store implements these (by deriving from `BaseMetadataStoreNode`, which says what each promises) and passes
`node_sdk.testing.contracts.StoreContract`; every law of runs then holds on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from node_sdk.metadata.schema import Row

Where = Mapping[str, Any]


class Tables(Protocol):
    """What the ledger needs of a store."""

    def transaction(self, lasting: bool = True) -> AbstractContextManager[None]:
        """All of what is done inside, durably, or after an exception nothing of it. Not `lasting`: the last of these
        may be lost with the power of the machine, though with no process, and never before an earlier one."""

    def insert(self, table: str, row: Row) -> int:
        """Add a row, every column but `id` given; return its id. Conflict where a constraint is broken."""

    def insert_all(self, table: str, rows: Sequence[Row]) -> list[int]:
        """Add these rows, in this order; return their ids."""

    def select(
        self,
        table: str,
        where: Where,
        *,
        descending: bool = False,
        limit: int | None = None,
        after_id: int | None = None,
    ) -> list[Row]:
        """The rows that `where` holds for, in the order of their ids."""

    def update(self, table: str, where: Where, values: Row) -> int:
        """Change rows; return how many. Conflict where a constraint is broken."""

    def delete(self, table: str, where: Where) -> int:
        """Remove rows; return how many."""

    def count(self, table: str, where: Where) -> int:
        """How many rows `where` holds for."""
