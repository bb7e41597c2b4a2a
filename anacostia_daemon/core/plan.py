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
    return [*_farewells(graph, states), *_stops(graph, states), *_starts(graph, states)]


def to_renew(
    graph: GraphSpec, states: Mapping[str, NodeState], shapes: Mapping[str, str], wanted: Mapping[str, str]
) -> list[str]:
    """The nodes whose process has another shape than is wanted, once it is their turn; empty shapes are not known.

    First those go that the graph has no more: the store is to hear their last words before it learns that graph.
    """
    if _removed(graph, states):
        return []
    return [spec.name for spec in graph.nodes if _differ(shapes.get(spec.name, ""), wanted.get(spec.name, ""))]


def _differ(shape: str, wanted: str) -> bool:
    return bool(shape and wanted) and shape != wanted


def _removed(graph: GraphSpec, states: Mapping[str, NodeState]) -> list[str]:
    """Nodes that the graph has no more, and that are not gone yet."""
    return [name for name, state in states.items() if name not in graph.by_name and not state.at_rest]


def _farewells(graph: GraphSpec, states: Mapping[str, NodeState]) -> list[tuple[str, Event]]:
    """Nobody waits for a node that the graph has no more."""
    going = ("starting", "ready")
    return [
        (name, MayStop()) for name in _removed(graph, states) if states[name].must_go and states[name].phase in going
    ]


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
    removed = _removed(graph, states)
    for spec in graph.nodes:
        state = states[spec.name]
        if state.orphan and state.phase == "down":
            obstacle = f"looking whether incarnation {state.incarnation} still lives"
        elif state.wants_start:
            # A node that is new to the store must not say hello before the store has learnt of it.
            obstacle = f"waiting for {', '.join(removed)} to end, removed from the pipeline" if removed else ""
            obstacle = obstacle or _obstacle(graph, states, spec)
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


def longest_stop(graph: GraphSpec) -> float:
    """Seconds that stopping may take where every node needs all of its time: they stop one after the other along the
    edges, and side by side otherwise."""
    until: dict[str, float] = {}
    for spec in graph.nodes:
        until[spec.name] = spec.stop_timeout + max((until[each] for each in spec.predecessors), default=0.0)
    return max(until.values(), default=0.0)
