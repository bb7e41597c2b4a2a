"""Asks a ledger directly, as the processes of a pipeline do over sockets. For tests of stores; needs no process."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from node_sdk.errors import Fenced, Refused
from node_sdk.graph import GraphSpec, Kind, NodeSpec, Trigger, TriggerRule
from node_sdk.metadata.ledger import Ledger
from node_sdk.metadata.tables import Tables
from node_sdk.wire.codec import from_map
from node_sdk.wire.store import (
    OPERATOR,
    Begin,
    Complete,
    Found,
    Hello,
    Offer,
    Operation,
    Output,
    RecordArtifacts,
    Select,
    StoreReply,
    StoreRequest,
    Table,
    TaskEnd,
    Welcome,
)


def spec(
    name: str, kind: Kind, *predecessors: str, monitoring: bool = False, rule: TriggerRule = "all_success"
) -> NodeSpec:
    """A node of a graph for tests."""
    return NodeSpec(
        name=name,
        kind=kind,
        type=kind.title(),
        base_type=kind.title(),
        predecessors=predecessors,
        monitoring=monitoring,
        trigger_rule=rule,
    )


def action(name: str, *predecessors: str, rule: TriggerRule = "all_success", **more: Any) -> NodeSpec:
    """An action of a graph for tests; `more` are fields of NodeSpec."""
    return replace(spec(name, "action", *predecessors, rule=rule), **more)


def graph(
    *actions: NodeSpec,
    resources: tuple[str, ...] = ("data",),
    outputs: tuple[str, ...] = ("models",),
    trigger: Trigger = "all",
    max_concurrent_runs: int = 1,
) -> GraphSpec:
    """A store, monitored `resources`, `outputs` that are not monitored, and `actions`."""
    return GraphSpec(
        name="tested",
        nodes=(
            spec("store", "metadata_store"),
            *(spec(name, "resource", "store", monitoring=True) for name in resources),
            *(spec(name, "resource", "store") for name in outputs),
            *actions,
        ),
        trigger=trigger,
        max_concurrent_runs=max_concurrent_runs,
    )


class Clock:
    """A time that moves by one second each time somebody looks."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


class Asker:
    """The nodes of `graph`, all of them, each in one incarnation, asking a ledger on `tables`."""

    def __init__(self, tables: Tables, graph: GraphSpec) -> None:
        self.tables = tables
        self.graph = graph
        self.incarnations = {node.name: 0 for node in graph.nodes}
        self.signals: list[tuple[str, int]] = []  # what the store was to send, in order
        self._seq = 0
        self.clock = Clock()
        self.restart_store()
        for node in graph.nodes:
            self.hello(node.name)

    def restart_store(self) -> None:
        """A new ledger on the same tables, as after a crash of the store."""
        self.ledger = Ledger(self.tables, self.graph, self.clock)
        self.ledger.prepare()

    # ---- asking

    def request(self, node: str, operation: Operation) -> StoreRequest:
        """The request of this node's incarnation."""
        self._seq += 1
        return StoreRequest(self._seq, node, self.incarnations.get(node, 0), operation)

    def send(self, *requests: StoreRequest) -> list[StoreReply]:
        """All at once; returns the replies."""
        answered = self.ledger.answer(list(requests))
        self.signals += answered.signals
        return answered.replies

    def ask(self, node: str, operation: Operation) -> Any:
        """The value of the answer; raises Refused, Fenced as in a node."""
        (reply,) = self.send(self.request(node, operation))
        if reply.kind == "fenced":
            raise Fenced(str(reply.error), reply.value)
        if reply.kind is not None:
            raise Refused(reply.kind, str(reply.error))
        return reply.value

    def rows(self, table: Table, **where: Any) -> list[dict[str, Any]]:
        """Rows of a table."""
        found: list[dict[str, Any]] = self.ask(OPERATOR, Select(table, where))
        return found

    # ---- what nodes do

    def hello(self, node: str, interrupted_run: int | None = None, crashed: bool = False, **more: Any) -> Welcome:
        """A new incarnation of `node`; `more` are fields of Hello."""
        self.incarnations[node] += 1
        return self.welcome(node, interrupted_run, crashed, **more)

    def welcome(self, node: str, interrupted_run: int | None = None, crashed: bool = False, **more: Any) -> Welcome:
        """The same incarnation says hello (again)."""
        return from_map(self.ask(node, Hello(interrupted_run, crashed, **more)), Welcome)

    def record(self, *locations: str, resource: str = "data", content: str = "") -> list[int | None]:
        """`resource` sees files; their sha256 is `content`, by default the location."""
        found = tuple(Found(each, content or each, len(each)) for each in locations)
        ids: list[int | None] = self.ask(resource, RecordArtifacts(resource, found))
        return ids

    def offer(self, resource: str = "data", holds: bool = True) -> int:
        """`resource` offers; returns the newest run."""
        known = self.ledger_last_run()
        self.ask(resource, Offer(resource, holds, known))
        return self.ledger_last_run()

    def ledger_last_run(self) -> int:
        """The id of the newest run, 0 where there is none."""
        newest = self.ask(OPERATOR, Select("runs", {}, True, 1))
        return newest[0]["id"] if newest else 0

    def run(self, *locations: str) -> int:
        """Record files, offer them; returns the run that starts."""
        self.record(*locations)
        return self.offer()

    def begin(self, node: str, run_id: int, attempt: int = 1) -> None:
        """An attempt of the task begins."""
        self.ask(node, Begin(run_id, attempt))

    def complete(
        self, node: str, run_id: int, state: TaskEnd = "succeeded", *outputs: Output, attempt: int = 1
    ) -> list[str]:
        """Begin, if it has not, and complete; returns whom the node has to signal."""
        self.begin(node, run_id, attempt)
        due: list[str] = self.ask(node, Complete(run_id, attempt, state, None, outputs))
        return due

    def states(self, run_id: int) -> dict[str, str]:
        """State of each task of the run."""
        return {row["node"]: row["state"] for row in self.rows("tasks", run_id=run_id)}

    def task(self, run_id: int, node: str) -> dict[str, Any]:
        """The row of one task."""
        return self.rows("tasks", run_id=run_id, node=node)[0]

    def run_state(self, run_id: int) -> str:
        """State of the run."""
        return str(self.rows("runs", id=run_id)[0]["state"])
