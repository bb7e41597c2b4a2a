"""A new incarnation says hello: it takes over from older ones (law 3) and hears what there is to do (law 2)."""

from __future__ import annotations

from typing import Any

from node_sdk.metadata import artifacts, retrying, rules, runs
from node_sdk.metadata.board import NOT_WAITING, Board, OpenRun
from node_sdk.metadata.schema import Row
from node_sdk.wire.codec import to_map
from node_sdk.wire.store import AskDue, Due, Hello, Output, StoreRequest, Unsignalled, Welcome


def hello(board: Board, by: StoreRequest, operation: Hello) -> dict[str, Any]:
    """Fence older incarnations; the same one saying it again hears the same."""
    known = board.nodes[by.node]["incarnation"]
    if by.incarnation > known:
        # What an earlier process offered it evaluated with its own code and eyes; this one will say for itself.
        board.set_node(by.node, incarnation=by.incarnation, offers=False)
        # An incarnation in between has reported this attempt, and died before it could clear its flight recorder.
        is_counted = operation.interrupted_incarnation not in (None, known)
        if operation.interrupted_run is not None and not is_counted:
            _interrupted(board, by.node, operation, known)
    return to_map(welcome(board, by.node))


def welcome(board: Board, node: str) -> Welcome:
    """What `node` has to do, to repeat and to finish, as the tables say now."""
    return Welcome(
        last_run_id=board.last_run_id,
        due=_due(board, node),
        unsignalled=_unsignalled(board, node),
        unpublished=_unpublished(board, node),
        store_id=board.store_id,
    )


def ask_due(board: Board, by: StoreRequest, operation: AskDue) -> dict[str, Any] | None:
    """Whether the asking node has to execute its task of this run now, or soon."""
    run = board.runs.get(operation.run_id)
    if run is None or by.node not in run.tasks or not _may_execute(board, run, by.node):
        return None
    return to_map(_as_due(board, run, by.node))


def _interrupted(board: Board, node: str, operation: Hello, incarnation: int) -> None:
    run = board.runs.get(operation.interrupted_run or 0)
    task = run.tasks.get(node) if run is not None else None
    if run is None or task is None or rules.is_over(task["state"]):
        return
    attempt = operation.interrupted_attempt
    if task["incarnation"] != incarnation if attempt is None else task["attempts"] < attempt:
        # It had begun: its `Begin`, which is not waited for, was lost with it.
        attempts = attempt or task["attempts"] + 1
        begun: Row = {"attempts": attempts, "incarnation": incarnation, "started_at": board.now()}
        board.set_task(task, state="executing", **begun, **NOT_WAITING)
    elif task["state"] != "executing":
        return  # the attempt had ended, and the next is waited for
    if operation.timed_out:
        retrying.timed_out(board, run, task)
    elif operation.crashed:
        _crashed(board, run, task, incarnation)


def _crashed(board: Board, run: OpenRun, task: Row, incarnation: int) -> None:
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
        _as_due(board, run, node) for run in _in_order(board) if node in run.tasks and _may_execute(board, run, node)
    )


def _as_due(board: Board, run: OpenRun, node: str) -> Due:
    task = run.tasks[node]
    wait = 0.0
    if task["retry_at"] is not None:
        wait = min(max(task["retry_at"] - board.now(), 0.0), task["retry_wait"])  # however the clock was set meanwhile
    return Due(run.id, task["attempts"], wait, task["failures"])


def _may_execute(board: Board, run: OpenRun, node: str) -> bool:
    if run.tasks[node]["state"] == "executing":
        return True
    return runs.is_due(board, run, node)


def _unsignalled(board: Board, node: str) -> tuple[Unsignalled, ...]:
    spec = board.graph.by_name[node]
    found = []
    for run in _in_order(board):
        if node not in run.tasks or not rules.is_over(run.tasks[node]["state"]):
            continue
        names = _through_resources(board, run) if spec.kind == "metadata_store" else runs.due_by(board, run, node)
        if names:
            found.append(Unsignalled(run.id, tuple(names)))
    if spec.kind == "metadata_store":
        found += [Unsignalled(run_id, (name,)) for name, run_id in artifacts.unheard(board)]
    return tuple(found)


def _through_resources(board: Board, run: OpenRun) -> list[str]:
    """The store wakes actions directly under it, and resources that have somebody to wake."""
    kinds = {node.name: node.kind for node in board.graph.nodes}
    names = [
        name
        for name in rules.signalled_by_store(board.graph, run.states)
        if (runs.due_by(board, run, name) if kinds[name] == "resource" else runs.is_due(board, run, name))
    ]
    if board.tables.count("retries", {"run_id": run.id}):  # nobody else signals those that a person wants again
        names += [name for name in retrying.due(board, run) if name not in names]
    return names


def _unpublished(board: Board, node: str) -> tuple[Output, ...]:
    rows = board.tables.select("artifacts", {"made_by_node": node, "published": False})
    return tuple(
        Output(row["resource"], row["location"], row["staging"] or "", row["sha256"], row["size"]) for row in rows
    )


def _in_order(board: Board) -> list[OpenRun]:
    return [board.runs[run_id] for run_id in sorted(board.runs)]
