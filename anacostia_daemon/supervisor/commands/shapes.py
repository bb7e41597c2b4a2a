"""The JSON that people and programs see: times in ISO 8601 UTC, fields as documented. Rows of the store come in."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from node_sdk.wire.codec import TAG, Message, to_map


def iso(at: float | None) -> str | None:
    """A moment in seconds since the epoch as ISO 8601 UTC."""
    return (
        None
        if at is None
        else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def plain(message: Message) -> dict[str, Any]:
    """A message as people's programs see it: its fields, without the tags of the wire."""
    shape: dict[str, Any] = _untagged(to_map(message))
    return shape


def _untagged(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _untagged(each) for key, each in value.items() if key != TAG}
    return [_untagged(each) for each in value] if isinstance(value, list) else value


def run(pipeline: str, row: dict[str, Any], tasks: list[dict[str, Any]], order: list[str]) -> dict[str, Any]:
    """One run with its tasks, in the order of the graph."""
    place = {name: index for index, name in enumerate(order)}
    tasks = sorted(tasks, key=lambda each: (place.get(each["node"], len(place)), each["id"]))
    return {
        "id": row["id"],
        "pipeline": pipeline,
        "state": row["state"],
        "started_at": iso(row["started_at"]),
        "ended_at": iso(row["ended_at"]),
        "trigger": row["trigger"],
        "tasks": [_task(each) for each in tasks],
    }


def _task(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "node": row["node"],
        "state": row["state"],
        "attempts": row["attempts"],
        "started_at": iso(row["started_at"]),
        "ended_at": iso(row["ended_at"]),
        "error": row["error"],
        "retry_at": iso(row.get("retry_at")),
    }


def task(row: dict[str, Any]) -> dict[str, Any]:
    """A task by itself."""
    return {"run_id": row["run_id"], **_task(row)}


def artifact(row: dict[str, Any]) -> dict[str, Any]:
    made = row["made_by_run"] is not None
    return {
        "id": row["id"],
        "resource": row["resource"],
        "location": row["location"],
        "state": row["state"],
        "run_id": row["run_id"],
        "produced_by": {"run_id": row["made_by_run"], "node": row["made_by_node"]} if made else None,
        "sha256": row["sha256"],
        "size": row["size"],
        "created_at": iso(row["created_at"]),
        "reason": row.get("reason"),
    }


def metric(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "run_id": row["run_id"] or None,  # 0 in the store: logged outside of any run
        "node": row["node"],
        "key": row["key"],
        "value": row["value"],
        "step": row["step"],
        "logged_at": iso(row["logged_at"]),
    }


def value(row: dict[str, Any]) -> dict[str, Any]:
    """A parameter or a tag of a task."""
    return {
        "run_id": row["run_id"] or None,
        "node": row["node"],
        "key": row["key"],
        "value": json.loads(row["value"]),
        "logged_at": iso(row["logged_at"]),
    }


def artifact_tag(row: dict[str, Any]) -> dict[str, Any]:
    return {"artifact_id": row["artifact_id"], "key": row["key"], "value": json.loads(row["value"])}


def retry(row: dict[str, Any]) -> dict[str, Any]:
    """A run that was opened again by hand."""
    return {"run_id": row["run_id"], "from_node": row["from_node"], "retried_at": iso(row["retried_at"])}


OF_TABLE: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "tasks": task,
    "artifacts": artifact,
    "metrics": metric,
    "params": value,
    "tags": value,
    "artifact_tags": artifact_tag,
    "retries": retry,
}
