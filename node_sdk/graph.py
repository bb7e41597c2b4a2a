"""The graph of a pipeline as data: what the loader hands to the daemon and what the metadata store decides with.

Holds no node objects and runs no user code; `Pipeline` makes it, `validate` (in node_sdk.pipeline) guards it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from node_sdk.errors import BadMessage
from node_sdk.policy import Limits, LogPolicy, RestartPolicy
from node_sdk.wire.codec import Message, from_map, to_map

Kind = Literal["metadata_store", "resource", "action"]
TriggerRule = Literal["all_success", "all_done", "one_success"]
Trigger = Literal["all", "any"]
StartMethod = Literal["fork", "spawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSpec(Message):
    """One node. Durations are seconds. `type` is the name of the user's class; `base_type` that of ours."""

    name: str
    kind: Kind
    type: str
    base_type: str
    predecessors: tuple[str, ...] = ()
    restart: RestartPolicy = field(default_factory=RestartPolicy)
    start_timeout: float = 300.0
    heartbeat_timeout: float = 30.0
    stop_timeout: float = 10.0
    start_method: StartMethod = "fork"
    limits: Limits = field(default_factory=Limits)
    essential: bool = False  # without it the pipeline is of no use: when it is given up, the others are stopped
    log_policy: LogPolicy = field(default_factory=LogPolicy)  # of the node over its pipeline's
    trigger_rule: TriggerRule = "all_success"  # actions
    retries: int = 0  # actions: how often a task is tried again that failed, raised or took too long
    retry_delay: float = 0.0  # actions: before the first of them; twice as long before each further one
    timeout: float | None = None  # actions: how long one attempt may take
    monitoring: bool = False  # resources
    starts_on_new: bool = False  # resources: the trigger condition is that there is a new artifact; nobody need ask
    resource_path: str | None = None  # resources
    uri: str | None = None  # metadata stores; without its password
    code: str = ""  # fingerprint of what its process executes (runtime/fingerprint.py); empty: not known


@dataclass(frozen=True, kw_only=True)
class GraphSpec(Message):
    """All nodes of a pipeline, in an order in which predecessors come first."""

    name: str
    nodes: tuple[NodeSpec, ...]
    trigger: Trigger = "all"
    max_concurrent_runs: int = 1
    max_crashes: int = 3
    called: str = ""  # what its file calls it, where it may run under another name; empty: not known
    source: str = ""  # digest of the user's files that it was loaded from; empty: not known

    @cached_property
    def by_name(self) -> dict[str, NodeSpec]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def successors(self) -> dict[str, tuple[str, ...]]:
        """The successors of each node, in the order of `nodes`."""
        found: dict[str, list[str]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for each in found.keys() & set(node.predecessors):
                found[each].append(node.name)
        return {name: tuple(successors) for name, successors in found.items()}

    def named(self, name: str) -> GraphSpec:
        """The same graph under this name; itself, with what it has found out, where that is its name."""
        return self if name == self.name else replace(self, name=name)

    @property
    def store(self) -> NodeSpec:
        """The metadata store, root of the graph."""
        return next(node for node in self.nodes if node.kind == "metadata_store")

    def to_json(self) -> str:
        """The graph as JSON text; `from_json` reads it."""
        return json.dumps(to_map(self), indent=2)

    @staticmethod
    def from_json(text: str) -> GraphSpec:
        """The graph in `text`; BadMessage where it is none."""
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BadMessage(f"cannot read a graph: {error}") from error
        return from_map(content, GraphSpec)
