"""The rules of runs, pure: which tasks are due, which are skipped, how a run ends. Nothing here reads or writes.

`states` maps each node of the graph to the state of its task in one run. A predecessor without a task (a node that
joined the pipeline after the run began) holds nobody up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from node_sdk.graph import GraphSpec, NodeSpec

States = Mapping[str, str]

OPEN = frozenset({"pending", "executing"})
FAILING = frozenset({"failed", "error", "skipped", "cancelled"})  # what may keep those after it from ever beginning
MOST_RETRY_WAIT = 3600.0  # seconds up to which retry_delay is doubled


def is_over(state: str) -> bool:
    """Whether a task in this state will never change again."""
    return state not in OPEN


def is_given_up(state: str, attempts: int, attempt: int) -> bool:
    """Whether attempt number `attempt` is over, of a task in this state that `attempts` have begun of, and another
    follows, or has begun: what it says after that is of no interest."""
    return attempt < attempts or (attempt == attempts and state == "pending")


def is_due(node: NodeSpec, states: States) -> bool:
    """Whether the task of `node` has not begun and may begin as far as states say: `runs.is_due` says the rest."""
    return states.get(node.name) == "pending" and _verdict(node, states) == "due"


def due_by(graph: GraphSpec, name: str, states: States) -> list[str]:
    """Whom the node `name`, whose task is over, has to signal: its successors that are due.

    A successor that was skipped will never signal anybody, so those after it are signalled in its place.
    """
    found: dict[str, None] = {}
    seen: set[str] = set()
    waiting = list(reversed(graph.successors.get(name, ())))
    while waiting:
        each = waiting.pop()
        if each in seen:
            continue
        seen.add(each)
        if is_due(graph.by_name[each], states):
            found[each] = None
        elif states.get(each) == "skipped":
            waiting.extend(reversed(graph.successors[each]))
    return list(found)


def makers_before(graph: GraphSpec, name: str, states: States) -> list[str]:
    """The actions whose outputs `name` may need: its predecessors, and in the place of one that was skipped those
    before it. The other way round, these are who names it in `due_by`."""
    found: dict[str, None] = {}
    seen: set[str] = set()
    waiting = list(graph.by_name[name].predecessors)
    while waiting:
        each = waiting.pop()
        if each in seen or graph.by_name[each].kind != "action":
            continue
        seen.add(each)
        if states.get(each) == "skipped":
            waiting.extend(graph.by_name[each].predecessors)
        else:
            found[each] = None
    return list(found)


def after(graph: GraphSpec, name: str) -> set[str]:
    """The node `name` and every node that comes after it."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += graph.successors[each]
    return found


def due_at_start(graph: GraphSpec) -> set[str]:
    """The actions that are due as soon as a run has started: those with only the store and resources before them."""
    states = start_states(graph)
    return {node.name for node in graph.nodes if is_due(node, states)}


def start_states(graph: GraphSpec) -> dict[str, str]:
    """The states of all tasks as a run starts: the store and the resources have done their part."""
    return {node.name: "pending" if node.kind == "action" else "succeeded" for node in graph.nodes}


def signalled_by_store(graph: GraphSpec, states: States) -> list[str]:
    """Whom the store wakes as a run starts: at once every action that waits for nothing but resources, and its
    resources, which must hear of the run."""
    first = due_at_start(graph)
    due = [node.name for node in graph.nodes if node.name in first and is_due(node, states)]
    return due + [name for name in graph.successors[graph.store.name] if graph.by_name[name].kind == "resource"]


def to_skip(graph: GraphSpec, states: States) -> list[str]:
    """The tasks that can never begin, in an order in which each follows from those before it."""
    if FAILING.isdisjoint(states.values()):
        return []  # as nearly always, after each completion
    known = dict(states)
    skipped = []
    for node in graph.nodes:  # predecessors come first, so one pass carries a skip all the way down
        if known.get(node.name) == "pending" and _verdict(node, known) == "never":
            known[node.name] = "skipped"
            skipped.append(node.name)
    return skipped


def run_end(states: States) -> Literal["succeeded", "failed"] | None:
    """How the run has ended; None while a task is open."""
    if any(state in OPEN for state in states.values()):
        return None
    return "succeeded" if all(state == "succeeded" for state in states.values()) else "failed"


def retry_wait(node: NodeSpec, failures: int) -> float | None:
    """Seconds until the task of `node` is tried again after `failures` attempts that failed; None: not again."""
    if failures > node.retries:
        return None
    return min(node.retry_delay * 2.0 ** min(failures - 1, 60), max(MOST_RETRY_WAIT, node.retry_delay))


def artifact_end(run_state: str) -> Literal["old", "failed"]:
    """What the artifacts of a run become when it ends so."""
    return "old" if run_state == "succeeded" else "failed"


def trigger_holds(graph: GraphSpec, offering: set[str]) -> bool:
    """Whether the offers of the resources in `offering` satisfy the trigger of the pipeline."""
    monitored = monitored_resources(graph)
    if graph.trigger == "any":
        return any(name in offering for name in monitored)
    return bool(monitored) and all(name in offering for name in monitored)


def monitored_resources(graph: GraphSpec) -> list[str]:
    """The resources whose new artifacts start runs."""
    return [node.name for node in graph.nodes if node.kind == "resource" and node.monitoring]


def _verdict(node: NodeSpec, states: States) -> Literal["due", "never", "wait"]:
    before = list(_before(node, states))
    if any(state in OPEN for state in before):
        return "wait"
    if node.trigger_rule == "all_done":
        return "due"
    succeeded = sum(state == "succeeded" for state in before)
    enough = succeeded == len(before) if node.trigger_rule == "all_success" else succeeded > 0 or not before
    return "due" if enough else "never"


def _before(node: NodeSpec, states: States) -> Iterator[str]:
    return (states[name] for name in node.predecessors if name in states)
