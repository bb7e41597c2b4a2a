"""The panel of a node, made in a process of its own that has the pipeline's code and reads the store: what
`panel()` does wrong, or how long it takes, is nobody else's trouble.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from node_sdk.metadata.ledger import Ledger
from node_sdk.nodes.binding import Binding
from node_sdk.panels import plain_panel
from node_sdk.runtime.store_client import refusal
from node_sdk.wire.store import OPERATOR, Operation, StoreRequest

if TYPE_CHECKING:
    from node_sdk.pipeline import Pipeline


def panel_of(pipeline: Pipeline, name: str, node: str, ledger: Ledger) -> list[dict[str, Any]]:
    """What node `node` shows, as plain data. Raises whatever its `panel()` raises."""
    pipeline.bind(Binding(name, node, 0, Onlooker(ledger), lambda: None))
    return plain_panel(pipeline[node].panel())


class Onlooker:
    """The way to a store for who only looks: the ledger refuses what would write."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def ask(self, operation: Operation) -> Any:
        """The answer to `operation`."""
        reply = self._ledger.answer([StoreRequest(0, OPERATOR, 0, operation)]).replies[0]
        error = refusal(reply)
        if error is not None:
            raise error
        return reply.value

    def tell(self, operation: Operation) -> None:
        """As `ask`, which says that nothing can be written."""
        self.ask(operation)
