"""What the daemon's configuration says of a node, laid over what its code says. Pure; the loader does it, and so do all
processes of the pipeline that load the file again: nobody then sees anything but the result.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any

from node_sdk.errors import InvalidPipeline
from node_sdk.graph import GraphSpec, NodeSpec
from node_sdk.policy import Limits

OWN = frozenset({"start_timeout", "heartbeat_timeout", "stop_timeout", "essential"})
LIMITS = frozenset(each.name for each in dataclasses.fields(Limits))

Overrides = Mapping[str, Mapping[str, Any]]  # by node: names of settings, and their values; "restart" is a map itself


def override(graph: GraphSpec, overrides: Overrides) -> GraphSpec:
    """The graph with `overrides` in it; InvalidPipeline where one speaks of no node, or makes no sense."""
    for name in overrides:
        if name not in graph.by_name:
            near = difflib.get_close_matches(name, graph.by_name, 1)
            guess = f" (did you mean {near[0]!r}?)" if near else ""
            raise InvalidPipeline(
                f"cannot use the configuration of node {name!r}: no such node in pipeline {graph.name!r}{guess}"
            )
    nodes = tuple(_overridden(node, overrides.get(node.name, {})) for node in graph.nodes)
    return dataclasses.replace(graph, nodes=nodes)


def _overridden(spec: NodeSpec, values: Mapping[str, Any]) -> NodeSpec:
    own = {name: value for name, value in values.items() if name in OWN}
    limits = {name: value for name, value in values.items() if name in LIMITS}
    if "rlimits" in limits:
        limits["rlimits"] = {**spec.limits.rlimits, **limits["rlimits"]}
    return dataclasses.replace(
        spec,
        restart=dataclasses.replace(spec.restart, **values.get("restart", {})),
        limits=dataclasses.replace(spec.limits, **limits),
        **own,
    )
