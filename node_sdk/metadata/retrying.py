"""Operations that try again: a node another attempt at its task, a person a run that has ended.

Attempt numbers go on rising through all of it, for what an attempt logs is known by its number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from node_sdk.errors import Refused
from node_sdk.metadata import rules, runs
from node_sdk.metadata.board import NOT_WAITING, Board, OpenRun
from node_sdk.metadata.schema import Row
from node_sdk.wire.store import EndAttempt, RetryRun, StoreRequest


def end_attempt(board: Board, by: StoreRequest, operation: EndAttempt) -> None:
    """An attempt failed; its node tries again."""
    task = board.task(operation.run_id, by.node)
    words = f"cannot end attempt {operation.attempt} of {by.node!r} in run {operation.run_id}"
    if rules.is_over(task["state"]):
        raise Refused("finished", f"{words}: the task is over ({task['state']})")
    if rules.is_given_up(task["state"], task["attempts"], operation.attempt):
        return  # said again
    if (task["attempts"], task["incarnation"]) != (operation.attempt, by.incarnation):
        raise Refused("invalid", f"{words}: it has not begun")
    if not 0 <= operation.wait < float("inf"):
        raise Refused("invalid", f"{words}: it cannot wait {operation.wait} seconds")
    _try_again(board, task, operation.error or operation.state, operation.wait)


def timed_out(board: Board, run: OpenRun, task: Row) -> None:
    """The process that executed the task was replaced because it took too long."""
    node = board.graph.by_name[task["node"]]
    limit = "" if node.timeout is None else f" of {node.timeout:g} s"
    why = f"did not end within its timeout{limit}; attempt {task['attempts']}, incarnation {task['incarnation']}"
    wait = rules.retry_wait(node, task["failures"] + 1)
    if wait is None:
        runs.end_task(board, run, task, "error", why)
    else:
        _try_again(board, task, why, wait)


def retry_run(board: Board, by: StoreRequest, operation: RetryRun) -> None:
    """A run that has ended goes on, from what did not succeed or from the node that was named."""
    if not operation.token:
        raise Refused("invalid", "cannot retry a run without a token: it makes repeating the wish harmless")
    if board.tables.count("retries", {"token": operation.token}):
        return
    ended = _ended(board, operation)
    tasks = {task["node"]: task for task in board.tables.select("tasks", {"run_id": operation.run_id})}
    again = _again(board, operation, {name: task["state"] for name, task in tasks.items()})
    run = board.reopen_run(operation.run_id)
    for name in again:
        board.set_task(
            run.tasks[name],
            state="pending",
            crashes=0,
            failures=0,
            incarnation=None,  # what the process that executed it still says of it comes too late
            started_at=None,
            ended_at=None,
            error=None,
            **NOT_WAITING,
        )
    _take_back(board, run.id, again, rules.artifact_end(ended["state"]))
    wish = {"run_id": run.id, "from_node": operation.from_node, "token": operation.token, "retried_at": board.now()}
    board.tables.insert("retries", wish)
    runs.settle(board, run)
    for name in due(board, run):
        board.signal(name, run.id)


def due(board: Board, run: OpenRun) -> list[str]:
    """The nodes whose task of `run` may begin."""
    return [node.name for node in board.graph.nodes if runs.is_due(board, run, node.name)]


def _try_again(board: Board, task: Row, why: str, wait: float) -> None:
    board.set_task(
        task,
        state="pending",
        error=why[: runs.MAX_ERROR],
        failures=task["failures"] + 1,
        retry_at=board.now() + wait,
        retry_wait=wait,
    )


def _ended(board: Board, operation: RetryRun) -> Row:
    words = f"cannot retry run {operation.run_id}"
    known = board.tables.select("runs", {"id": operation.run_id})
    if not known:
        raise Refused("not-found", f"{words}: there is no such run")
    if known[0]["state"] == "running":
        raise Refused("invalid", f"{words}: it is running; wait until it ends, or cancel it first")
    if known[0]["state"] == "succeeded" and operation.from_node is None:
        raise Refused("invalid", f"{words}: it succeeded; name the node from which to execute it again")
    return known[0]


def _again(board: Board, operation: RetryRun, states: Mapping[str, str]) -> list[str]:
    """The nodes whose tasks are to be executed again."""
    words = f"cannot retry run {operation.run_id}"
    actions = [node.name for node in board.graph.nodes if node.kind == "action" and node.name in states]
    if operation.from_node is None:
        again = [name for name in actions if states[name] != "succeeded"]
        if not again:
            raise Refused("invalid", f"{words}: the nodes that did not succeed in it are no longer in the pipeline")
        return again
    first, words = operation.from_node, f"{words} from {operation.from_node!r}"
    if first not in board.graph.by_name:
        raise Refused("not-found", f"{words}: the pipeline has no such node; its actions are {_listed(actions)}")
    if board.graph.by_name[first].kind != "action":
        raise Refused("invalid", f"{words}: it is no action; those are {_listed(actions)}")
    if first not in states:
        raise Refused("invalid", f"{words}: it joined the pipeline after that run; those in it are {_listed(actions)}")
    later = rules.after(board.graph, first)
    again = [name for name in actions if name in later]
    _check_begins(board, first, {**states, **dict.fromkeys(again, "pending")}, words)
    return again


def _check_begins(board: Board, first: str, states: Mapping[str, str], words: str) -> None:
    if first in rules.to_skip(board.graph, states):
        node = board.graph.by_name[first]
        lacking = [
            f"{name} is {states[name]}" for name in node.predecessors if states.get(name, "succeeded") != "succeeded"
        ]
        raise Refused("invalid", f"{words}: {', '.join(lacking)}, so it cannot begin; retry from there")


def _take_back(board: Board, run_id: int, again: list[str], ended: str) -> None:
    """The run owns its artifacts again, but for what those tasks made that will make it anew."""
    owned = {"run_id": run_id, "state": "current"}
    board.change_artifacts({"run_id": run_id, "state": ended}, {"state": "current", "reason": None})
    why = f"run {run_id} was retried by hand, and makes it anew" if ended == "failed" else None
    made = {**owned, "made_by_run": run_id, "made_by_node": again}
    board.change_artifacts(made, {"state": ended, "reason": why})


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names)) or "none"
