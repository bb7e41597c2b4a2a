"""Operations that record what nodes log: metrics, params and tags of tasks, tags of artifacts.

Each may be said twice, also after the task is over: what stands already is no second time recorded, and no refusal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from node_sdk.errors import Refused
from node_sdk.metadata import artifacts, rules
from node_sdk.metadata.board import Board
from node_sdk.metadata.schema import Row
from node_sdk.values import as_json, checked_json, checked_key, checked_number
from node_sdk.wire.store import OPERATOR, LogMetrics, LogParams, SetTags, StoreRequest, TagArtifact, TagRun

NO_RUN = 0


def log_metrics(board: Board, by: StoreRequest, operation: LogMetrics) -> None:
    """Numbers that one attempt (or, outside of any run, one incarnation) logs."""
    values = {
        checked_key(key, f"metric {key!r} of node {by.node!r}"): checked_number(
            value, f"metric {key!r} of node {by.node!r}"
        )
        for key, value in operation.values.items()
    }
    run_id, attempt = operation.run_id, operation.attempt
    if run_id is None:
        run_id, attempt = NO_RUN, by.incarnation
    where: Row = {"run_id": run_id, "node": by.node, "attempt": attempt, "n": operation.n}
    if board.tables.count("metrics", where):
        return
    if run_id != NO_RUN:
        task = board.task(run_id, by.node)
        if rules.is_given_up(task["state"], task["attempts"], attempt):
            return  # said again after the attempt that said it was given up
        _refuse_unless_executing(task, by, attempt)
    now = board.now()
    for key, value in values.items():
        row = {**where, "key": key, "value": value, "step": operation.step, "logged_at": now}
        board.tables.insert("metrics", row)


def log_params(board: Board, by: StoreRequest, operation: LogParams) -> None:
    _set_values(board, by, "params", operation)


def set_tags(board: Board, by: StoreRequest, operation: SetTags) -> None:
    _set_values(board, by, "tags", operation)


def tag_artifact(board: Board, by: StoreRequest, operation: TagArtifact) -> None:
    values = _texts(operation.values, f"of artifact {operation.artifact_id}")
    where: Row = {"artifact_id": artifacts.get(board, operation.artifact_id)["id"]}
    _take_away(board, "artifact_tags", where, operation.without)
    _upsert(board, "artifact_tags", where, values, {})


def tag_run(board: Board, by: StoreRequest, operation: TagRun) -> None:
    """By hand: what its tasks have said of it stays as it is."""
    values = _texts(operation.values, f"of run {operation.run_id}")
    if not board.tables.select("runs", {"id": operation.run_id}):
        raise Refused("not-found", f"cannot tag run {operation.run_id}: there is no such run")
    where: Row = {"run_id": operation.run_id, "node": OPERATOR}
    _take_away(board, "tags", where, operation.without)
    _upsert(board, "tags", where, values, {"logged_at": board.now()})


def _set_values(board: Board, by: StoreRequest, table: str, operation: LogParams | SetTags) -> None:
    values = _texts(operation.values, f"of node {by.node!r}")
    run_id, attempt = operation.run_id, operation.attempt
    where: Row = {"run_id": NO_RUN if run_id is None else run_id, "node": by.node}
    if run_id is not None:
        task = board.task(run_id, by.node)
        if rules.is_given_up(task["state"], task["attempts"], attempt):
            return
        if rules.is_over(task["state"]) and _stands(board, table, where, values):
            return
        _refuse_unless_executing(task, by, attempt)
    _upsert(board, table, where, values, {"logged_at": board.now()})


def _upsert(board: Board, table: str, where: Row, values: Mapping[str, str], also: Row) -> None:
    """The last value of a key wins."""
    known = {row["key"]: row["id"] for row in board.tables.select(table, {**where, "key": list(values)})}
    for key, value in values.items():
        if key in known:
            board.tables.update(table, {"id": known[key]}, {"value": value, **also})
        else:
            board.tables.insert(table, {**where, "key": key, "value": value, **also})


def _take_away(board: Board, table: str, where: Row, keys: Sequence[str]) -> None:
    for key in keys:
        board.tables.delete(table, {**where, "key": key})


def _stands(board: Board, table: str, where: Row, values: Mapping[str, str]) -> bool:
    rows = board.tables.select(table, {**where, "key": list(values)})
    return {row["key"]: row["value"] for row in rows} == values


def _texts(given: Mapping[str, Any], whose: str) -> dict[str, str]:
    return {
        checked_key(key, f"{key!r} {whose}"): as_json(checked_json(value, f"{key!r} {whose}"))
        for key, value in given.items()
    }


def _refuse_unless_executing(task: Row, by: StoreRequest, attempt: int) -> None:
    words = f"the task of {task['node']!r} in run {task['run_id']}"
    if rules.is_over(task["state"]):
        raise Refused("finished", f"cannot log to {words}: it is over ({task['state']})")
    if task["state"] != "executing" or (task["attempts"], task["incarnation"]) != (attempt, by.incarnation):
        raise Refused("invalid", f"cannot log to {words}: this process has not begun attempt {attempt} of it")
