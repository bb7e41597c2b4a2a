"""How one graph of a pipeline differs from the next, node by node. Pure: a graph and a graph in, changes out.

A node has changed when its process would be another one: its class or code, its settings, or what it must know of the
graph around it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from node_sdk.graph import GraphSpec, NodeSpec
from node_sdk.wire.codec import to_map

# Of a node, and of no interest to the metadata store.
_NOT_FOR_THE_STORE = frozenset(
    {"type", "base_type", "code", "restart", "start_timeout", "heartbeat_timeout", "stop_timeout", "start_method"}
    | {"resource_path", "uri", "limits", "essential", "log_policy"}
)
_CODE = "its code"
_SAID_APART = frozenset({"name", "kind", "type", "base_type", "predecessors", "code"})


@dataclass(frozen=True, slots=True)
class Changes:
    """What has to be touched. `changed` says of each node what is different about it, in words."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def __str__(self) -> str:
        """`added 'evaluate'; changed 'train' (its code)`."""
        parts = [
            f"{word} {_quoted(names)}" for word, names in (("added", self.added), ("removed", self.removed)) if names
        ]
        if self.changed:
            parts.append("changed " + ", ".join(f"'{name}' ({why})" for name, why in self.changed.items()))
        return "; ".join(parts) or "nothing has changed"

    def with_all(self, graph: GraphSpec, why: str) -> Changes:
        """And every node of `graph` that stays has changed because of `why`."""
        names = (node.name for node in graph.nodes if node.name not in self.added)
        changed = {name: ", ".join(filter(None, (self.changed.get(name), why))) for name in names}
        return replace(self, changed=changed)

    def of(self, name: str) -> str:
        """What is different about one node, in words; empty where nothing is."""
        if name in self.added:
            return "it was added"
        if name in self.removed:
            return "it was removed"
        return self.changed.get(name, "")


def changes(old: GraphSpec, new: GraphSpec) -> Changes:
    """What `new` adds, removes and changes, each in the order of its graph."""
    differing = {
        node.name: _difference(old, new, node.name)
        for node in new.nodes
        if node.name in old.by_name and _difference(old, new, node.name)
    }
    return Changes(
        added=tuple(node.name for node in new.nodes if node.name not in old.by_name),
        removed=tuple(node.name for node in old.nodes if node.name not in new.by_name),
        changed=differing,
    )


def edits(old: GraphSpec, new: GraphSpec) -> Changes:
    """As `changes`, but for code that is not known to have changed: an older loader said nothing of it, or the source
    is the same, and what differs are values that a constructor makes at each load (a time, say)."""
    same = bool(old.source) and old.source == new.source
    codes = {node.name: node.code for node in old.nodes}
    known = tuple(
        replace(each, code=codes[each.name]) if each.name in codes and (same or not codes[each.name]) else each
        for each in new.nodes
    )
    return changes(old, replace(new, nodes=known))


def refusal(old: GraphSpec, new: GraphSpec) -> str:
    """Why a running pipeline cannot become `new`, and the way out; empty where it can."""
    if old.called and new.called and old.called != new.called:
        return (
            f"its file calls the pipeline '{new.called}' now, not '{old.called}'; a pipeline keeps its name: give it "
            f"the old one, or `anacostiactl remove {old.name}` and start the file again"
        )
    if _identity(old.store) != _identity(new.store):
        return (
            f"its metadata store would be {_in_words(new.store)} instead of {_in_words(old.store)}, and what is "
            f"recorded would stay behind; `anacostiactl stop {old.name}`, copy the database to its new place, then "
            f"`anacostiactl start {old.name}`"
        )
    return ""


def shape(graph: GraphSpec, name: str) -> str:
    """A digest of all that makes the process of this node what it is; empty where its code is not known."""
    if not graph.by_name[name].code:
        return ""
    text = json.dumps(_aspects(graph, name), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _difference(old: GraphSpec, new: GraphSpec, name: str) -> str:
    before, after = _aspects(old, name), _aspects(new, name)
    return ", ".join(each for each in after if before[each] != after[each])


def _aspects(graph: GraphSpec, name: str) -> dict[str, Any]:
    """What the process of a node depends on, under the words that people read."""
    spec = graph.by_name[name]
    settings = {key: value for key, value in to_map(spec).items() if key not in _SAID_APART}
    return {
        "its class": [spec.kind, spec.type, spec.base_type],
        _CODE: spec.code,
        "its predecessors": [[each, graph.by_name[each].kind] for each in spec.predecessors],
        "its settings": settings,
        "the graph around it": _around(graph, spec),
    }


def _around(graph: GraphSpec, spec: NodeSpec) -> Any:
    """What a node's process has to know of the other nodes."""
    if spec.kind == "metadata_store":  # it decides about all of them
        limits = [graph.trigger, graph.max_concurrent_runs, graph.max_crashes]
        return [limits, *(_for_the_store(graph.by_name[name]) for name in sorted(graph.by_name))]
    if spec.kind == "resource":  # it wakes those that are due as a run starts
        return sorted(each for each in graph.successors[spec.name] if _is_due_at_start(graph, each))
    return None  # an action is told by the store whom to signal


def _for_the_store(spec: NodeSpec) -> dict[str, Any]:
    return {key: value for key, value in to_map(spec).items() if key not in _NOT_FOR_THE_STORE}


def _is_due_at_start(graph: GraphSpec, name: str) -> bool:
    return all(graph.by_name[each].kind != "action" for each in graph.by_name[name].predecessors)


def _identity(store: NodeSpec) -> tuple[str, str, str, str | None]:
    return store.name, store.type, store.base_type, store.uri


def _in_words(store: NodeSpec) -> str:
    return f"'{store.name}' ({store.type}, {store.uri})"


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{each}'" for each in names)
