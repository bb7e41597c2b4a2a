"""Run the nodes of a pipeline in the process of a test: real hooks, real rules, a store in memory, no daemon.

    def test_train_logs_its_loss(tmp_path):
        pipeline = build(tmp_path)                      # your own function
        (tmp_path / "inbox" / "a.txt").write_text("1 2 3")
        with Rehearsal(pipeline) as rehearsal:
            rehearsal.look()                            # the resources record what is there
            run_id = rehearsal.start_run()
            result = rehearsal.execute("train", run_id) # predecessors count as succeeded
        assert result.state == "succeeded"
        assert result.metrics == {"loss": 0.5}

`node_sdk.testing.contracts` has the suites that a store of your own should pass.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from node_sdk.errors import InvalidValue, NotRunning
from node_sdk.metadata.ledger import Ledger
from node_sdk.metadata.memory import MemoryMetadataStore
from node_sdk.nodes.action import BaseActionNode
from node_sdk.nodes.binding import Binding, Task
from node_sdk.nodes.resource import BaseResourceNode
from node_sdk.pipeline import Pipeline
from node_sdk.runtime.attempt import Attempt
from node_sdk.runtime.store_client import refusal
from node_sdk.wire.store import Begin, Complete, Hello, Operation, Published, StartRun, StoreRequest

__all__ = ["Rehearsal", "TaskResult"]


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How one execution ended, and what it recorded. `outputs` is where they were published: of a folder, the files."""

    state: str
    error: str | None
    metrics: dict[str, float]
    params: dict[str, Any]
    tags: dict[str, Any]
    outputs: list[Any]


class Rehearsal:
    """`pipeline` with a store in memory in this process, bound while the `with` block lasts."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._tables = MemoryMetadataStore(pipeline.graph.store.name)
        self._ledger = Ledger(self._tables, pipeline.graph, time.time)
        self._accesses = {node.name: _Access(self._ledger, node.name) for node in pipeline.nodes}
        self._tokens = itertools.count(1)

    def __enter__(self) -> Rehearsal:
        self._ledger.prepare()
        for access in self._accesses.values():
            access.ask(Hello())
        self._bind(self.pipeline.graph.store.name)
        return self

    def __exit__(self, *exc: object) -> None:
        self.pipeline.bind(None)

    def look(self) -> None:
        """Let each monitored resource set up and record what is in it now."""
        for node in self.pipeline.nodes:
            if isinstance(node, BaseResourceNode) and node.monitoring:
                self._bind(node.name)
                node.setup()
                node.start_monitoring()
                node.stop_monitoring()

    def start_run(self) -> int:
        """Start a run with every new artifact; its id."""
        store = self.pipeline.graph.store.name
        run_id: int = self._bind(store).store.ask(StartRun(f"rehearsal-{next(self._tokens)}"))
        return run_id

    def execute(self, name: str, run_id: int) -> TaskResult:
        """Execute the task of action `name` in `run_id`. Predecessors not executed yet count as succeeded."""
        node = self.pipeline[name]
        if not isinstance(node, BaseActionNode):
            raise InvalidValue(f"cannot execute node {name!r}: a {node.kind} has no execute()")
        for predecessor in self._open_predecessors(node, run_id):
            self._complete(predecessor, run_id)
        binding = self._bind(name)
        node.setup()
        attempt = self._task(name, run_id)["attempts"] + 1
        binding.store.ask(Begin(run_id, attempt))
        (identity,) = self._tables.select("identity", {})
        task = binding.task = Task(run_id, name, attempt, identity["store_id"])
        store: Any = self._accesses[name]  # does what an attempt asks of a StoreClient
        state, error = Attempt(node, store).make()
        binding.task = None
        if state == "error":
            task.outputs.clear()  # half-done work is nobody's input
        binding.store.ask(Complete(run_id, attempt, state, error, tuple(task.outputs)))
        return self._result(task, state, error)

    def _result(self, task: Task, state: str, error: str | None) -> TaskResult:
        published = [self._resource(each.resource).publish(each) for each in task.outputs]
        self._accesses[task.node].ask(Published(task.run_id))
        self._bind(task.node)
        store: Any = self.pipeline[self.pipeline.graph.store.name]
        asked = {"node_name": task.node, "run_id": task.run_id}
        return TaskResult(
            state,
            error,
            {row["key"]: row["value"] for row in store.get_metrics(**asked)},
            {row["key"]: row["value"] for row in store.get_params(**asked)},
            {row["key"]: row["value"] for row in store.get_tags(**asked)},
            published,
        )

    def _open_predecessors(self, node: BaseActionNode, run_id: int) -> Iterator[str]:
        """Actions before `node` whose task is open, the first of them first."""
        for predecessor in node.predecessors:
            if isinstance(predecessor, BaseActionNode) and self._task(predecessor.name, run_id)["state"] == "pending":
                yield from self._open_predecessors(predecessor, run_id)
                if self._task(predecessor.name, run_id)["state"] == "pending":
                    yield predecessor.name

    def _complete(self, name: str, run_id: int) -> None:
        self._accesses[name].ask(Begin(run_id, 1))
        self._accesses[name].ask(Complete(run_id, 1, "succeeded"))

    def _task(self, name: str, run_id: int) -> dict[str, Any]:
        rows = self._tables.select("tasks", {"run_id": run_id, "node": name})
        if not rows:
            raise NotRunning(f"cannot execute {name!r} in run {run_id}: there is no such run; use start_run()")
        return rows[0]

    def _resource(self, name: str) -> BaseResourceNode:
        node = self.pipeline[name]
        assert isinstance(node, BaseResourceNode)
        return node

    def _bind(self, name: str) -> Binding:
        binding = Binding(self.pipeline.name, name, 1, self._accesses[name], lambda: None)
        self.pipeline.bind(binding)
        return binding


class _Access:
    """StoreAccess by a plain call."""

    def __init__(self, ledger: Ledger, node: str) -> None:
        self._ledger, self._node, self._seq = ledger, node, itertools.count(1)

    def ask(self, operation: Operation) -> Any:
        (reply,) = self._ledger.answer([StoreRequest(next(self._seq), self._node, 1, operation)]).replies
        error = refusal(reply)
        if error is not None:
            raise error
        return reply.value

    def tell(self, operation: Operation) -> None:
        self.ask(operation)

    def settle(self) -> None:
        """Nothing is ever on its way."""
