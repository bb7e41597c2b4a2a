"""The board: the rows that decisions need (nodes, open runs, their tasks), in memory, written through to the tables.

The store process is the only writer of its tables, so what it has read once stays true; deciding then costs no query.
Whatever goes wrong in a transaction, `load` reads everything again: the tables are the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from node_sdk.errors import Refused
from node_sdk.graph import GraphSpec, NodeSpec
from node_sdk.metadata import rules
from node_sdk.metadata.figures import Ended
from node_sdk.metadata.schema import Row
from node_sdk.metadata.tables import Tables

Clock = Callable[[], float]

NOT_WAITING: Row = {"retry_at": None, "retry_wait": None}  # a task that may begin as soon as it is due


@dataclass(slots=True)
class OpenRun:
    """A run that is `running`, and all of its tasks by node."""

    id: int
    started_at: float
    tasks: dict[str, Row] = field(default_factory=dict)
    makers: set[str] = field(default_factory=set)  # nodes whose outputs are not all in place (law 5)

    @property
    def states(self) -> dict[str, str]:
        return {node: task["state"] for node, task in self.tasks.items()}


class Board:
    """What the operations of the ledger decide with, and the only way in which they change nodes, runs and tasks."""

    def __init__(self, tables: Tables, graph: GraphSpec, clock: Clock) -> None:
        self.tables = tables
        self.graph = graph
        self.now = clock
        self.nodes: dict[str, Row] = {}
        self.runs: dict[int, OpenRun] = {}
        self.last_run_id = 0
        self.store_id = ""
        self.signals: list[tuple[str, int]] = []
        self._counts: dict[tuple[str, str], int] | None = None  # of artifacts in a state; None: others may write too
        self.ended: list[Ended] = []  # tasks and runs that ended in this transaction, and …
        self.hops: list[float] = []  # … the seconds of the hops in it
        self.moves = 0  # how often runs, tasks or artifacts have changed, since this process began; for who looks on
        self.promised = False  # what was changed since this was set to False must not be lost with the power

    def begin_transaction(self) -> None:
        """Forget what belonged to the one before."""
        self.signals, self.ended, self.hops = [], [], []
        self.promised = False

    # ---- reading

    def load(self) -> None:
        """Read from the tables what the board holds."""
        self.begin_transaction()
        self._counts = {}
        self.nodes = {row["name"]: row for row in self.tables.select("nodes", {})}
        newest = self.tables.select("runs", {}, descending=True, limit=1)
        self.last_run_id = newest[0]["id"] if newest else 0
        self.store_id = "".join(row["store_id"] for row in self.tables.select("identity", {}))
        self.runs = {}
        for run in self.tables.select("runs", {"state": "running"}):
            self.runs[run["id"]] = self._read_run(run)

    def node(self, name: str) -> NodeSpec:
        """The node called `name`; refused where the pipeline has none."""
        spec = self.graph.by_name.get(name)
        if spec is None:
            raise Refused("not-found", f"no node {name!r} in pipeline {self.graph.name!r}")
        return spec

    def resource(self, name: str) -> NodeSpec:
        """The resource called `name`; refused where there is none."""
        spec = self.node(name)
        if spec.kind != "resource":
            raise Refused("invalid", f"node {name!r} is no resource but of kind {spec.kind}")
        return spec

    def task(self, run_id: int, node: str) -> Row:
        """The task of `node` in run `run_id`, be the run open or not; refused where there is none."""
        run = self.runs.get(run_id)
        if run is not None and node in run.tasks:
            return run.tasks[node]
        found = self.tables.select("tasks", {"run_id": run_id, "node": node})
        if not found:
            raise Refused("not-found", f"node {node!r} has no task in run {run_id}")
        return found[0]

    def count_artifacts(self, resource: str, state: str) -> int:
        """How many artifacts of `resource` are in `state`."""
        known = None if self._counts is None else self._counts.get((resource, state))
        if known is not None:
            return known
        found = self.tables.count("artifacts", {"resource": resource, "state": state})
        if self._counts is not None:
            self._counts[resource, state] = found
        return found

    # ---- writing

    def signal(self, node: str, run_id: int) -> None:
        """To be sent by the store once this transaction is durable."""
        if (node, run_id) not in self.signals:
            self.signals.append((node, run_id))

    def add_node(self, spec: NodeSpec) -> None:
        row = {
            "name": spec.name,
            "kind": spec.kind,
            "type": spec.type,
            "incarnation": 0,
            "offers": False,
            "last_run_id": 0,
            "scanned": False,
        }
        self.nodes[spec.name] = {"id": self.tables.insert("nodes", row), **row}

    def set_node(self, name: str, **values: Any) -> None:
        row = self.nodes[name]
        changed = {key: value for key, value in values.items() if row[key] != value}
        if changed:
            self.tables.update("nodes", {"id": row["id"]}, changed)
            row.update(changed)

    def add_artifacts(self, rows: Sequence[Row]) -> list[int]:
        """New artifacts; returns their ids."""
        self.moves += 1
        for row in rows:
            self._count(row["resource"], row["state"], 1)
            if not row["published"]:
                self.runs[row["made_by_run"]].makers.add(row["made_by_node"])
        return self.tables.insert_all("artifacts", rows)

    def remove_artifact(self, row: Row) -> None:
        """An artifact that nobody has claimed."""
        self.tables.delete("artifacts", {"id": row["id"]})
        self._count(row["resource"], row["state"], -1)

    def change_artifacts(self, where: Row, values: Row) -> None:
        """Change those that `where` holds for."""
        self.moves += 1
        changed = self.tables.update("artifacts", where, values)
        if "state" not in values or not self._counts:
            return
        before, after = where.get("state"), values["state"]
        if before is not None and "resource" in where:
            self._count(where["resource"], before, -changed)
            self._count(where["resource"], after, changed)
        else:  # of whichever resources: those states are counted anew when somebody asks
            for key in [key for key in self._counts if before is None or key[1] in (before, after)]:
                del self._counts[key]

    def _count(self, resource: str, state: str, change: int) -> None:
        if self._counts and (resource, state) in self._counts:
            self._counts[resource, state] += change

    def open_run(self, trigger: str, token: str | None) -> OpenRun:
        """A new run with all of its tasks."""
        self.moves += 1
        self.promised = True  # its number, the key to what its tasks do elsewhere, is never given twice
        now = self.now()
        run_id = self.tables.insert(
            "runs",
            {"state": "running", "trigger": trigger, "token": token, "started_at": now, "ended_at": None},
        )
        run = self.runs[run_id] = OpenRun(run_id, now)
        rows = [_new_task(run_id, node, state, now) for node, state in rules.start_states(self.graph).items()]
        for task_id, row in zip(self.tables.insert_all("tasks", rows), rows, strict=True):
            run.tasks[row["node"]] = {"id": task_id, **row}
        self.last_run_id = run_id
        return run

    def reopen_run(self, run_id: int) -> OpenRun:
        """A run that had ended goes on."""
        self.moves += 1
        self.promised = True
        self.tables.update("runs", {"id": run_id}, {"state": "running", "ended_at": None})
        [row] = self.tables.select("runs", {"id": run_id})
        run = self.runs[run_id] = self._read_run(row)
        return run

    def _read_run(self, row: Row) -> OpenRun:
        tasks = self.tables.select("tasks", {"run_id": row["id"]})
        makers = self.tables.select("artifacts", {"made_by_run": row["id"], "published": False})
        by_node = {task["node"]: task for task in tasks}
        return OpenRun(row["id"], row["started_at"], by_node, {each["made_by_node"] for each in makers})

    def set_task(self, task: Row, **values: Any) -> None:
        over = rules.is_over(values.get("state", "pending"))
        self.moves += 1
        self.promised = self.promised or over
        self.tables.update("tasks", {"id": task["id"]}, values)
        task.update(values)
        if over:
            began = task["started_at"]
            self.ended.append((task["node"], task["state"], None if began is None else task["ended_at"] - began))

    def end_run(self, run: OpenRun, state: str) -> None:
        self.promised = True
        self.moves += 1
        now = self.now()
        self.tables.update("runs", {"id": run.id}, {"state": state, "ended_at": now})
        self.ended.append((None, state, now - run.started_at))
        del self.runs[run.id]


def _new_task(run_id: int, node: str, state: str, now: float) -> Row:
    begun = None if state == "pending" else now
    return {
        "run_id": run_id,
        "node": node,
        "state": state,
        "attempts": 0,
        "crashes": 0,
        "incarnation": None,
        "started_at": begun,
        "ended_at": begun,
        "error": None,
        "failures": 0,
        **NOT_WAITING,
    }
