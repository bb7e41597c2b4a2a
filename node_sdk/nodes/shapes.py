"""Rows of a metadata store as what users get: the JSON shapes, with times in ISO 8601 UTC. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

Row = Mapping[str, Any]
Shape = dict[str, Any]


def iso_time(seconds: float | None) -> str | None:
    """Seconds since the epoch as ISO 8601 UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def run_shape(run: Row, tasks: Iterable[Row], pipeline: str) -> Shape:
    """A row of `runs` and its rows of `tasks`."""
    return {
        "id": run["id"],
        "pipeline": pipeline,
        "state": run["state"],
        "trigger": run["trigger"],
        "started_at": iso_time(run["started_at"]),
        "ended_at": iso_time(run["ended_at"]),
        "tasks": [task_shape(task) for task in tasks],
    }


def task_shape(task: Row) -> Shape:
    """A row of `tasks`."""
    return {
        "run_id": task["run_id"],
        "node": task["node"],
        "state": task["state"],
        "attempts": task["attempts"],
        "started_at": iso_time(task["started_at"]),
        "ended_at": iso_time(task["ended_at"]),
        "error": task["error"],
        "retry_at": iso_time(task["retry_at"]),
    }


def artifact_shape(artifact: Row) -> Shape:
    """A row of `artifacts`."""
    made = artifact["made_by_run"] is not None
    return {
        "id": artifact["id"],
        "resource": artifact["resource"],
        "location": artifact["location"],
        "version": artifact["version"],
        "state": artifact["state"],
        "run_id": artifact["run_id"],
        "produced_by": {"run_id": artifact["made_by_run"], "node": artifact["made_by_node"]} if made else None,
        "sha256": artifact["sha256"],
        "size": artifact["size"],
        "created_at": iso_time(artifact["created_at"]),
        "reason": artifact["reason"],
    }


def metric_shape(metric: Row) -> Shape:
    """A row of `metrics`; `run_id` is None for what was logged outside of any run."""
    return {**_logged(metric), "value": metric["value"], "step": metric["step"]}


def value_shape(row: Row) -> Shape:
    """A row of `params` or `tags`."""
    return {**_logged(row), "value": json_value(row["value"])}


def json_value(text: str) -> Any:
    """What the store keeps as JSON text."""
    return json.loads(text)


def _logged(row: Row) -> Shape:
    return {
        "run_id": row["run_id"] or None,
        "node": row["node"],
        "key": row["key"],
        "logged_at": iso_time(row["logged_at"]),
    }
