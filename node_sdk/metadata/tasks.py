"""Operations on a task and on its run: begin, complete, publish, end by hand. Each may be repeated."""

from __future__ import annotations

from node_sdk.errors import Refused
from node_sdk.metadata import artifacts, rules, runs
from node_sdk.metadata.board import NOT_WAITING, Board, OpenRun
from node_sdk.metadata.schema import Row
from node_sdk.wire.store import Begin, Complete, EndRun, Published, StoreRequest


def begin(board: Board, by: StoreRequest, operation: Begin) -> None:
    """An attempt begins; what an earlier one logged is taken back."""
    task = board.task(operation.run_id, by.node)
    _refuse_over(task, "begin")  # also when it is said again: who asks before executing must not execute again
    if operation.attempt <= task["attempts"]:
        if task["incarnation"] == by.incarnation:
            return  # said again by a client that had no answer yet
        raise _given_up(task, "begin", operation.attempt)
    board.set_task(task, state="executing", **_begun(board, by, task, operation.attempt, operation.seconds))


def _begun(board: Board, by: StoreRequest, task: Row, attempt: int, seconds: float) -> Row:
    """What is so of the task once this attempt, which began `seconds` ago, has begun."""
    run = board.runs[task["run_id"]]
    if task["state"] == "pending" and not runs.is_due(board, run, by.node):
        why = "its predecessors are not done, or what they made is not in place"
        raise Refused("invalid", f"cannot begin {_words(task)}: {why}")
    if task["attempts"]:
        for table in ("metrics", "params", "tags"):
            board.tables.delete(table, {"run_id": run.id, "node": by.node})
    due_since = _due_since(board, run, by.node)
    at = max(due_since, board.now() - seconds) if seconds else board.now()
    if attempt == 1:
        board.hops.append(at - due_since)
    return {"attempts": attempt, "incarnation": by.incarnation, "started_at": at, **NOT_WAITING}


def _due_since(board: Board, run: OpenRun, node: str) -> float:
    """When the last of its predecessors was over; the run's start where it has none in this run."""
    ends: list[float | None] = [
        run.tasks[name]["ended_at"] for name in board.graph.by_name[node].predecessors if name in run.tasks
    ]
    return max((run.started_at, *(end for end in ends if end is not None)))


def complete(board: Board, by: StoreRequest, operation: Complete) -> list[str]:
    """The task is over. Returns whom this node has to signal."""
    task = board.task(operation.run_id, by.node)
    begun = (task["attempts"], task["incarnation"]) == (operation.attempt, by.incarnation)
    if rules.is_over(task["state"]) and not (begun and task["state"] == operation.state):
        _refuse_over(task, "complete")
    if rules.is_given_up(task["state"], task["attempts"], operation.attempt):
        raise _given_up(task, "complete", operation.attempt)
    if not begun and operation.seconds is None:
        raise Refused("invalid", f"cannot complete {_words(task)}: attempt {operation.attempt} has not begun")
    run = board.runs.get(operation.run_id)
    if run is None:
        return []  # said again, and the run is over by now
    if not rules.is_over(task["state"]):
        also = {} if begun else _begun(board, by, task, operation.attempt, operation.seconds or 0.0)
        artifacts.record_outputs(board, task, operation.outputs)
        runs.end_task(board, run, task, operation.state, operation.error, also)
    return runs.due_by(board, run, by.node)


def published(board: Board, by: StoreRequest, operation: Published) -> list[str]:
    """The outputs of the task stand at their final place, so that others may claim them, or are lost. Returns whom to
    signal."""
    where = {"made_by_run": operation.run_id, "made_by_node": by.node, "published": False}
    for lost in operation.lost:
        artifacts.lose(board, {**where, "resource": lost.resource, "location": lost.location}, lost.reason)
    made = board.tables.select("artifacts", where)
    board.change_artifacts(where, {"published": True, "staging": None})
    artifacts.tell_of_news(board, by, {row["resource"] for row in made if row["state"] == "new"})
    runs.start_due(board)
    run = board.runs.get(operation.run_id)
    if run is None:
        return []
    run.makers.discard(by.node)
    return runs.due_by(board, run, by.node)


def end_run(board: Board, by: StoreRequest, operation: EndRun) -> None:
    """End a run now, whatever is still open in it."""
    run = board.runs.get(operation.run_id)
    if run is None:
        _refuse_ended(board, operation)
        return
    ended = "cancelled" if operation.state == "cancelled" else f"ended as {operation.state}"
    why = f"run {run.id} was {ended} {artifacts.by_whom(by)}"
    for task in run.tasks.values():
        if not rules.is_over(task["state"]):
            board.set_task(task, state="cancelled", ended_at=board.now(), error=why, **NOT_WAITING)
    runs.close(board, run, operation.state, why)


def _refuse_ended(board: Board, operation: EndRun) -> None:
    known = board.tables.select("runs", {"id": operation.run_id})
    if not known:
        raise Refused("not-found", f"cannot end run {operation.run_id}: there is no such run")
    if known[0]["state"] != operation.state:
        raise Refused("finished", f"cannot end run {operation.run_id}: it has already {_ended(known[0]['state'])}")


def _refuse_over(task: Row, doing: str) -> None:
    if rules.is_over(task["state"]):
        raise Refused("finished", f"cannot {doing} {_words(task)}: it is over ({task['state']})")


def _given_up(task: Row, doing: str, attempt: int) -> Refused:
    return Refused("finished", f"cannot {doing} {_words(task)}: its attempt {attempt} is over")


def _ended(state: str) -> str:
    return "been cancelled" if state == "cancelled" else state


def _words(task: Row) -> str:
    return f"the task of {task['node']!r} in run {task['run_id']}"
