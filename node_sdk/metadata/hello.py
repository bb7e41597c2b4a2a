"""A new incarnation says hello: it takes over from older ones (law 3) and hears what there is to do (law 2)."""

from __future__ import annotations

from typing import Any

from node_sdk.metadata import rules, runs
from node_sdk.metadata.board import Board, OpenRun
from node_sdk.wire.codec import to_map
from node_sdk.wire.store import Due, Hello, Output, StoreRequest, Unsignalled, Welcome


def hello(board: Board, by: StoreRequest, operation: Hello) -> dict[str, Any]:
    """Fence older incarnations; the same one saying it again hears the same."""
    known = board.nodes[by.node]["incarnation"]
    if by.incarnation > known:
        # What an earlier process offered it evaluated with its own code and eyes; this one will say for itself.
        board.set_node(by.node, incarnation=by.incarnation, offers=False)
        if operation.interrupted_run is not None:
            _interrupted(board, by.node, operation.interrupted_run, operation.crashed, known)
    return to_map(welcome(board, by.node))


def welcome(board: Board, node: str) -> Welcome:
    """What `node` has to do, to repeat and to finish, as the tables say now."""
    return Welcome(
        last_run_id=board.last_run_id,
        due=_due(board, node),
        unsignalled=_unsignalled(board, node),
        unpublished=_unpublished(board, node),
    )


def _interrupted(board: Board, node: str, run_id: int, crashed: bool, incarnation: int) -> None:
    run = board.runs.get(run_id)
    task = run.tasks.get(node) if run is not None else None
    if run is None or task is None or rules.is_over(task["state"]):
        return
    if task["incarnation"] != incarnation:  # it had begun: its `Begin`, which is not waited for, was lost with it
        attempts = task["attempts"] + 1
        board.set_task(task, state="executing", attempts=attempts, incarnation=incarnation, started_at=board.now())
    if not crashed:
        return
    crashes = task["crashes"] + 1
    board.set_task(task, crashes=crashes)
    if crashes >= board.graph.max_crashes:
        times = "once" if crashes == 1 else f"{crashes} times"
        why = f"crashed the node {times}; last in attempt {task['attempts']}, incarnation {incarnation}"
        runs.end_task(board, run, task, "error", why)


def _due(board: Board, node: str) -> tuple[Due, ...]:
    spec = board.graph.by_name[node]
    if spec.kind != "action":
        return ()
    return tuple(
        Due(run.id, run.tasks[node]["attempts"])
        for run in _in_order(board)
        if node in run.tasks and _may_execute(board, run, node)
    )


def _may_execute(board: Board, run: OpenRun, node: str) -> bool:
    if run.tasks[node]["state"] == "executing":
        return True
    spec = board.graph.by_name[node]
    # A predecessor that has not yet published what it made signals once it has: not due before.
    return rules.is_due(spec, run.states) and not any(
        board.tables.count("artifacts", {"made_by_run": run.id, "made_by_node": name, "published": False})
        for name in spec.predecessors
        if board.graph.by_name[name].kind == "action"
    )


def _unsignalled(board: Board, node: str) -> tuple[Unsignalled, ...]:
    spec = board.graph.by_name[node]
    found = []
    for run in _in_order(board):
        if node not in run.tasks or not rules.is_over(run.tasks[node]["state"]):
            continue
        names = _through_resources(board, run) if spec.kind == "metadata_store" else _due_by(board, run, node)
        if names:
            found.append(Unsignalled(run.id, tuple(names)))
    return tuple(found)


def _through_resources(board: Board, run: OpenRun) -> list[str]:
    """The store wakes actions directly under it, and resources that have somebody to wake."""
    kinds = {node.name: node.kind for node in board.graph.nodes}
    return [
        name
        for name in rules.signalled_by_store(board.graph, run.states)
        if kinds[name] != "resource" or _due_by(board, run, name)
    ]


def _due_by(board: Board, run: OpenRun, node: str) -> list[str]:
    return rules.due_by(board.graph, node, run.states)


def _unpublished(board: Board, node: str) -> tuple[Output, ...]:
    rows = board.tables.select("artifacts", {"made_by_node": node, "published": False})
    return tuple(
        Output(row["resource"], row["location"], row["staging"] or "", row["sha256"], row["size"]) for row in rows
    )


def _in_order(board: Board) -> list[OpenRun]:
    return [board.runs[run_id] for run_id in sorted(board.runs)]
