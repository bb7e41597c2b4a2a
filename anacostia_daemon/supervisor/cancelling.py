"""Tells the actions of one pipeline which runs were cancelled, so that who executes one of them stops. Only news: what
counts is what the store has committed, and a node that never hears of it is refused there in the end.

Who may have missed such news (adopted from a daemon that may have died before it told; or nobody knows whether the
store did what a person asked) is told what the store says, once both have been heard of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from node_sdk.wire.link import CancelTask
from node_sdk.wire.store import Operation, Select, StoreReply

if TYPE_CHECKING:
    from anacostia_daemon.supervisor.pipeline import Pipeline

LOOKED_BACK = 100  # of a node's cancelled tasks, the newest; it executes one


class Cancelling:
    """Of one pipeline. `ask` asks its store, once that is `askable`; set by whoever can."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._untold: dict[str, set[int]] = {}  # node → runs
        self._unsure: set[str] = set()
        self.askable: Callable[[], bool] = lambda: False
        self.ask: Callable[[Operation, Callable[[StoreReply], None]], None] = lambda operation, answer: None

    def tell(self, run_id: int) -> None:
        """The run was cancelled, and that is durable."""
        for name in self._at_work():
            self._tell(name, run_id)

    def doubt(self, name: str | None = None) -> None:
        """This node, or all of them, may have missed that a run was cancelled."""
        self._unsure.update(self._at_work() if name is None else [name])

    def heard(self, name: str) -> None:
        """The node has said something, so there is a way to it."""
        for run_id in self._untold.pop(name, ()):
            self._said(name, run_id)
        if name in self._unsure and self.askable():
            self._unsure.discard(name)
            self._look(name)

    def _at_work(self) -> list[str]:
        """The actions that have a process. Who has none asks the store when it starts."""
        nodes = self._pipeline.nodes.items()
        return [name for name, node in nodes if node.state.spec.kind == "action" and not node.state.at_rest]

    def _look(self, name: str) -> None:
        incarnation = self._pipeline.nodes[name].state.incarnation

        def answered(reply: StoreReply) -> None:
            if reply.error is not None:
                self._unsure.add(name)
                return
            for task in reply.value:
                # None: the run was cancelled before its Begin, which is not waited for, came to the store.
                if task["incarnation"] in (None, incarnation):
                    self._tell(name, task["run_id"])

        where = {"node": name, "state": "cancelled"}
        self.ask(Select("tasks", where, descending=True, limit=LOOKED_BACK), answered)

    def _tell(self, name: str, run_id: int) -> None:
        if not self._said(name, run_id):
            self._untold.setdefault(name, set()).add(run_id)

    def _said(self, name: str, run_id: int) -> bool:
        incarnation = self._pipeline.nodes[name].state.incarnation
        return self._pipeline.around.link.tell((self._pipeline.name, name, incarnation), CancelTask(run_id))
