"""Tells the actions of one pipeline which runs were cancelled, so that who executes one of them stops. Only news: what
counts is what the store has committed, and a node that never hears of it is refused there in the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from node_sdk.wire.link import CancelTask

if TYPE_CHECKING:
    from anacostia_daemon.supervisor.pipeline import Pipeline


class Cancelling:
    """Of one pipeline."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._untold: dict[str, set[int]] = {}  # node → runs

    def tell(self, run_id: int) -> None:
        """The run was cancelled, and that is durable."""
        for name, node in self._pipeline.nodes.items():
            # Who has no process asks the store when it starts.
            if node.state.spec.kind == "action" and not node.state.at_rest and not self._said(name, run_id):
                self._untold.setdefault(name, set()).add(run_id)

    def heard(self, name: str) -> None:
        """The node has said something, so there is a way to it."""
        for run_id in self._untold.pop(name, ()):
            self._said(name, run_id)

    def _said(self, name: str, run_id: int) -> bool:
        incarnation = self._pipeline.nodes[name].state.incarnation
        return self._pipeline.around.link.tell((self._pipeline.name, name, incarnation), CancelTask(run_id))
