"""The order among the nodes of a pipeline: predecessors are ready before one starts, successors down before one stops.

Says whose turn it is, never what to do: the events it gives go through `step` like all others.
"""

from __future__ import annotations

from collections.abc import Mapping

from anacostia_daemon.core.events import Event, MayStart, MayStop, Wait
from anacostia_daemon.core.state import NodeState
from node_sdk.graph import GraphSpec, NodeSpec


def next_events(graph: GraphSpec, states: Mapping[str, NodeState]) -> list[tuple[str, Event]]:
    """What to feed to which node now. Feed all of it, then ask again, until nothing comes."""
    return [*_stops(graph, states), *_starts(graph, states)]


def given_up(graph: GraphSpec, states: Mapping[str, NodeState]) -> str:
    """Why the whole pipeline is of no use any more: an essential node has failed. Empty while it is."""
    lost = [spec.name for spec in graph.nodes if spec.essential and states[spec.name].phase == "failed"]
    return "; ".join(f"essential node '{name}' failed: {states[name].reason}" for name in lost)


def _stops(graph: GraphSpec, states: Mapping[str, NodeState]) -> list[tuple[str, Event]]:
    """A node that must go may stop once no successor that must go too is still there."""
    return [
        (spec.name, MayStop())
        for spec in reversed(graph.nodes)
        if (state := states[spec.name]).must_go
        and state.phase in ("starting", "ready")
        and not any(_still_going(states[each]) for each in graph.successors[spec.name])
    ]


def _still_going(state: NodeState) -> bool:
    return state.must_go and not state.at_rest


def _starts(graph: GraphSpec, states: Mapping[str, NodeState]) -> list[tuple[str, Event]]:
    events: list[tuple[str, Event]] = []
    for spec in graph.nodes:
        state = states[spec.name]
        if state.orphan and state.phase == "down":
            obstacle = f"looking whether incarnation {state.incarnation} still lives"
        elif state.wants_start:
            obstacle = _obstacle(graph, states, spec)
        else:
            continue
        if not obstacle:
            events.append((spec.name, MayStart()))
        elif obstacle != state.reason:
            events.append((spec.name, Wait(obstacle)))
    return events


def _obstacle(graph: GraphSpec, states: Mapping[str, NodeState], spec: NodeSpec) -> str:
    """Why the node cannot start yet; empty where nothing is in the way.

    Every node needs the store to get ready. Another predecessor is waited for only while it is wanted up: a node
    that somebody stopped must not keep its successors down when the machine is restarted, as it did not before.
    """
    store = graph.store.name
    before = (store, *(each for each in spec.predecessors if each != store))
    reasons = [_waiting_for(states[each], each == store) for each in before if each != spec.name]
    return "; ".join(each for each in reasons if each)


def _waiting_for(state: NodeState, is_store: bool) -> str:
    """Why a node cannot start before this predecessor; empty where it can."""
    if state.phase == "failed":
        return f"waiting for {state.name}, which failed: {state.reason}"
    if state.phase == "ready" and not state.must_go:
        return ""
    if state.renew or state.leaving:
        return f"waiting for {state.name} to be ready again"
    if state.desired == "down" or state.done:
        return f"waiting for {state.name}, which is not to run" if is_store else ""
    return f"waiting for {state.name} to be ready"
