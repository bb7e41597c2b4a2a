"""The metadata store as users and authors of stores see it.

The methods users call are here, built once on the operations of `wire.store`, so they work in every process of the
pipeline. Authors of a new store implement the second half: tables and transactions, nothing about runs.
"""

from __future__ import annotations

import dataclasses
import itertools
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal

from node_sdk.errors import ArtifactNotFound, InvalidPipeline, InvalidValue
from node_sdk.graph import NodeSpec
from node_sdk.nodes import shapes
from node_sdk.nodes.base import BaseNode, Loggers, Panel
from node_sdk.nodes.paging import select_all
from node_sdk.panels import Facts
from node_sdk.policy import RestartPolicy
from node_sdk.urls import without_secrets
from node_sdk.values import checked_json, checked_key, checked_number, checked_step
from node_sdk.wire.store import (
    ArtifactState,
    Count,
    EndRun,
    Found,
    LogMetrics,
    LogParams,
    RecordArtifacts,
    RetryRun,
    SetTags,
    StartRun,
    Table,
    TagArtifact,
    UpdateArtifact,
)

Row = dict[str, Any]
Where = Mapping[str, Any]
Resource = str | BaseNode

_STATES = ("new", "current", "old", "failed")
_RUN_STATES = ("running", "succeeded", "failed", "cancelled")


class BaseMetadataStoreNode(BaseNode, ABC):
    """Root of every pipeline: records runs, artifacts, metrics, params and tags. Use `SqliteMetadataStore`.

    The first half of its methods is for users, in any node of the pipeline; outside of a running pipeline they raise
    NotRunning. Values that cannot be recorded raise InvalidValue, on the line that gives them.

    **To write a new store**, derive from this and implement the second half (`open` to `count`): the tables of
    `node_sdk.metadata.schema`, with their constraints, in durable transactions. One process, one thread uses them.
    A row is a dict; `where` maps a column to the value it must have, or to a list of values it may have; None is only
    equal to None. Then run `node_sdk.testing.contracts.StoreContract` against it.
    """

    kind = "metadata_store"
    restart = RestartPolicy(max_restarts=None)  # without it nobody can work: never given up
    lasts = True  # what it keeps outlives its process, so that it may be missed

    def __init__(self, name: str, uri: str, loggers: Loggers = None) -> None:
        super().__init__(name, None, loggers)
        if not isinstance(uri, str) or not uri:
            raise InvalidPipeline(f"cannot make metadata store {name!r}: its uri is a non-empty string, not {uri!r}")
        self.uri = uri
        self._logged = itertools.count()  # numbers what this process logs outside of tasks

    def spec(self) -> NodeSpec:
        return dataclasses.replace(super().spec(), uri=without_secrets(self.uri))

    # ---- runs

    def start_run(self) -> int:
        """Start a run at once, however many are under way, with every artifact that is new; return its id."""
        run_id: int = self.bound("start a run").store.ask(StartRun(uuid.uuid4().hex))
        return run_id

    def end_run(
        self, run_id: int | None = None, state: Literal["succeeded", "failed", "cancelled"] = "cancelled"
    ) -> None:
        """End a run (by default the one whose task is being executed); its open tasks become `cancelled`."""
        wanted = self.get_run_id() if run_id is None else run_id
        if wanted is not None:
            self.bound("end a run").store.ask(EndRun(wanted, state))

    def retry_run(self, run_id: int, from_node: str | None = None) -> None:
        """Open an ended run again: what did not succeed in it, or `from_node` and all after it, is executed again."""
        self.bound("retry a run").store.ask(RetryRun(run_id, from_node, uuid.uuid4().hex))

    def get_run_id(self) -> int | None:
        """The run whose task this process executes; elsewhere the newest that is running, or None."""
        binding = self.bound("read the run")
        if binding.task is not None:
            return binding.task.run_id
        running = select_all(binding.store, "runs", {"state": "running"}, descending=True, limit=1)
        return running[0]["id"] if running else None

    def get_runs(self, state: str | None = None, limit: int | None = None) -> list[Row]:
        """Runs, newest first, each with its tasks; only those in `state` (running, succeeded, failed, cancelled)."""
        binding = self.bound("read runs")
        where = {} if state is None else {"state": state}
        runs = select_all(binding.store, "runs", where, descending=True, limit=limit)
        tasks: dict[int, list[Row]] = {run["id"]: [] for run in runs}
        for first in range(0, len(runs), 100):
            ids = [run["id"] for run in runs[first : first + 100]]
            for task in select_all(binding.store, "tasks", {"run_id": ids}):
                tasks[task["run_id"]].append(task)
        return [shapes.run_shape(run, tasks[run["id"]], binding.pipeline) for run in runs]

    def get_tasks(self, run_id: int) -> list[Row]:
        """The tasks of a run, predecessors first; empty where there is no such run."""
        return [shapes.task_shape(row) for row in self._read_rows("tasks", {"run_id": run_id})]

    # ---- what nodes log

    def log_metrics(self, /, *, step: int | None = None, **metrics: float) -> None:
        """Record numbers, finite ones, for the task being executed (or for this node, outside of a task).

        `step` is the place in a series (epoch, batch). A task that is executed again takes back what it logged.
        """
        binding = self.bound("log metrics")
        values = {}
        for key, value in metrics.items():
            what = f"metric {key!r} of node {binding.node!r}"
            values[checked_key(key, what)] = checked_number(value, what)
        step = checked_step(step, f"metrics of node {binding.node!r}")
        task = binding.task
        if task is None:
            binding.store.tell(LogMetrics(None, binding.incarnation, next(self._logged), values, step))
            return
        n, task.logged = task.logged, task.logged + 1
        binding.store.tell(LogMetrics(task.run_id, task.attempt, n, values, step))

    def log_params(self, /, **params: Any) -> None:
        """Record parameters (plain values: None, bool, int, float, str, list, dict); the last value of a key wins."""
        self._log(LogParams, "param", params)

    def set_tags(self, /, **tags: Any) -> None:
        """Record tags, plain values like parameters; the last value of a key wins."""
        self._log(SetTags, "tag", tags)

    def get_metrics(self, node_name: str | None = None, run_id: int | None = None) -> list[Row]:
        """Metrics in the order they were logged: run_id, node, key, value, step, logged_at."""
        return [shapes.metric_shape(row) for row in self._of(node_name, run_id, "metrics")]

    def get_params(self, node_name: str | None = None, run_id: int | None = None) -> list[Row]:
        """Parameters: run_id, node, key, value, logged_at."""
        return [shapes.value_shape(row) for row in self._of(node_name, run_id, "params")]

    def get_tags(self, node_name: str | None = None, run_id: int | None = None) -> list[Row]:
        """Tags: run_id, node, key, value, logged_at."""
        return [shapes.value_shape(row) for row in self._of(node_name, run_id, "tags")]

    # ---- artifacts; for users there are the resources, which know the bytes as well. `resource`: a name or a node

    def create_entry(
        self, resource: Resource, location: str, *, state: ArtifactState = "new", sha256: str = "", size: int = 0
    ) -> int:
        """Record an artifact, `size` in bytes; return its id, the known one where its sha256 is no news."""
        ask = self.bound("record an artifact").store.ask
        (entry_id,) = ask(RecordArtifacts(_name(resource), (Found(location, sha256, size),), state))
        return int(self._latest(resource, location)["id"] if entry_id is None else entry_id)

    def get_entry(self, resource: Resource, entry_id: int) -> Row:
        """One artifact; ArtifactNotFound where there is none."""
        rows = self._read_rows("artifacts", {"id": entry_id, "resource": _name(resource)})
        if not rows:
            name = _name(resource)
            raise ArtifactNotFound(f"cannot get artifact {entry_id}: resource {name!r} has none with this id")
        return shapes.artifact_shape(rows[0])

    def get_entries(self, resource: Resource | None = None, state: str = "all", run_id: int | None = None) -> list[Row]:
        """Artifacts, oldest first; `run_id`: those that belong to that run."""
        where = _artifacts(resource, state)
        if run_id is not None:
            where["run_id"] = run_id
        return [shapes.artifact_shape(row) for row in self._read_rows("artifacts", where)]

    def update_entry(self, resource: Resource, entry_id: int, *, state: ArtifactState) -> None:
        """Set the state of an artifact by hand; `new` offers it to runs again."""
        self.get_entry(resource, entry_id)
        self.bound("update an artifact").store.ask(UpdateArtifact(entry_id, state))

    def entry_exists(self, resource: Resource, location: str) -> bool:
        """Whether the resource has, or had, an artifact at this location."""
        where = {"resource": _name(resource), "location": location}
        return bool(self.bound("look for an artifact").store.ask(Count("artifacts", where)))

    def get_num_entries(self, resource: Resource, state: str = "all") -> int:
        """How many artifacts of the resource are in `state`; "all" counts every one."""
        count: int = self.bound("count artifacts").store.ask(Count("artifacts", _artifacts(resource, state)))
        return count

    def tag_artifact(self, resource: Resource, location: str, /, **tags: Any) -> None:
        """Put tags on the latest version of an artifact; the last value of a tag wins."""
        entry_id = self._latest(resource, location)["id"]
        values = _checked(tags, f"artifact {location!r}", "tag")
        self.bound("tag an artifact").store.ask(TagArtifact(entry_id, values))

    def get_artifact_tags(self, resource: Resource, location: str) -> dict[str, Any]:
        """The tags of the latest version of an artifact."""
        rows = self._read_rows("artifact_tags", {"artifact_id": self._latest(resource, location)["id"]})
        return {row["key"]: shapes.json_value(row["value"]) for row in rows}

    def panel(self) -> Panel:
        """How many runs ended how, and where they are recorded."""
        store = self.bound("read runs").store
        states = {state: store.ask(Count("runs", {"state": state})) for state in _RUN_STATES}
        return [Facts({"recorded in": self.spec().uri, **states}, "Runs by state")]

    # ---- for authors of stores

    @abstractmethod
    def open(self, read_only: bool = False) -> None:
        """Make the tables ready; called before anything below, and again after `close`. StoreUnavailable says why not.

        One process opens them for writing at a time; with `read_only` any number, while that one works or not.

        Where the database fails later, any method below raises StoreUnavailable: what was asked is tried again, in a
        while after closing and opening, until it is done. StoreBroken ends the process instead.
        """

    def is_there(self) -> bool:
        """Whether there is a database to open, asked before `open` makes one; True where only opening can tell."""
        return True

    @abstractmethod
    def close(self) -> None:
        """Let go of what `open` took. Closing twice does nothing."""

    @abstractmethod
    def transaction(self, lasting: bool = True) -> AbstractContextManager[None]:
        """What is done inside is durable when the block ends; when an exception leaves it, nothing was done.

        Where it need not be `lasting`, a failure of the machine's power may take it back, though not without all that
        came after it: a store need not wait for its disk then.
        """

    @abstractmethod
    def insert(self, table: str, row: Row) -> int:
        """Add a row that gives every column but `id`; return its id, higher than any this table ever gave.

        Conflict where a constraint of the schema is broken; the transaction is then to be left with it.
        """

    def insert_all(self, table: str, rows: Sequence[Row]) -> list[int]:
        """Add rows as `insert` does, in this order; return their ids. A database that takes many at once is faster."""
        return [self.insert(table, row) for row in rows]

    @abstractmethod
    def select(
        self,
        table: str,
        where: Where,
        *,
        descending: bool = False,
        limit: int | None = None,
        after_id: int | None = None,
    ) -> list[Row]:
        """Copies of the rows, by id; at most `limit` of those beyond `after_id` in that direction."""

    @abstractmethod
    def update(self, table: str, where: Where, values: Row) -> int:
        """Set `values` in the rows; return how many. Conflict as for `insert`."""

    @abstractmethod
    def delete(self, table: str, where: Where) -> int:
        """Remove the rows; return how many."""

    @abstractmethod
    def count(self, table: str, where: Where) -> int:
        """How many rows there are."""

    # ---- inside

    def _log(self, operation: type[LogParams | SetTags], what: str, given: Mapping[str, Any]) -> None:
        binding = self.bound(f"log {what}s")
        values = _checked(given, f"node {binding.node!r}", what)
        task = binding.task
        run_id, attempt = (None, binding.incarnation) if task is None else (task.run_id, task.attempt)
        binding.store.tell(operation(run_id, attempt, values))

    def _read_rows(self, table: Table, where: Row) -> list[Row]:
        return select_all(self.bound(f"read {table}").store, table, where)

    def _of(self, node: str | None, run_id: int | None, table: Table) -> list[Row]:
        where = {"node": node, "run_id": run_id}
        return self._read_rows(table, {key: value for key, value in where.items() if value is not None})

    def _latest(self, resource: Resource, location: str) -> Row:
        rows = self._read_rows("artifacts", {"resource": _name(resource), "location": location, "latest": True})
        if not rows:
            raise ArtifactNotFound(f"cannot find artifact {location!r}: resource {_name(resource)!r} knows of none")
        return rows[0]


def _name(resource: Resource) -> str:
    return resource.name if isinstance(resource, BaseNode) else resource


def _artifacts(resource: Resource | None, state: str) -> Row:
    if state != "all" and state not in _STATES:
        raise InvalidValue(f"cannot look for artifacts in state {state!r}: it is one of {', '.join(_STATES)} or all")
    name = None if resource is None else _name(resource)
    where = {"resource": name, "state": None if state == "all" else state}
    return {key: value for key, value in where.items() if value is not None}


def _checked(given: Mapping[str, Any], whose: str, what: str) -> dict[str, Any]:
    values = {}
    for key, value in given.items():
        words = f"{what} {key!r} of {whose}"
        values[checked_key(key, words)] = checked_json(value, words)
    return values
