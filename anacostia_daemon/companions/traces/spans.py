"""A run as spans: one for the run, one for each of its tasks, linked along the edges. Pure; the same run gives the same
ids each time, so that what is exported twice is there once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

Row = Mapping[str, Any]

_BAD = ("failed", "error")


def spans(run: Row, predecessors: Mapping[str, list[str]], home: str) -> list[ReadableSpan]:
    """Of a run that has ended, as `run` shows it; the run's own span first. `home` tells daemons apart."""
    seed = f"{home}/{run['pipeline']}/{run['id']}/{run['started_at']}"
    trace = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:16], "big")
    root = _context(trace, "")
    resource = Resource.create({"service.name": run["pipeline"], "service.namespace": "anacostia"})
    began, ended = _nanoseconds(run["started_at"]), _nanoseconds(run["ended_at"])
    bad = run["state"] == "failed"
    whole = ReadableSpan(
        name=f"run of {run['pipeline']}",
        context=root,
        resource=resource,
        attributes={
            "anacostia.pipeline": run["pipeline"],
            "anacostia.run_id": run["id"],
            "anacostia.state": run["state"],
            "anacostia.trigger": run["trigger"],
        },
        kind=SpanKind.INTERNAL,
        status=Status(StatusCode.ERROR, "the run failed") if bad else Status(),
        start_time=began,
        end_time=ended,
    )
    names = {task["node"] for task in run["tasks"]}
    tasks = [
        ReadableSpan(
            name=task["node"],
            context=_context(trace, task["node"]),
            parent=root,
            resource=resource,
            attributes={
                "anacostia.pipeline": run["pipeline"],
                "anacostia.run_id": run["id"],
                "anacostia.node": task["node"],
                "anacostia.state": task["state"],
                "anacostia.attempts": task["attempts"],
            },
            links=[Link(_context(trace, name)) for name in predecessors.get(task["node"], ()) if name in names],
            kind=SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR, task["error"] or task["state"]) if task["state"] in _BAD else Status(),
            start_time=_nanoseconds(task["started_at"] or task["ended_at"] or run["ended_at"]),
            end_time=_nanoseconds(task["ended_at"] or run["ended_at"]),
        )
        for task in run["tasks"]
    ]
    return [whole, *tasks]


def _context(trace: int, node: str) -> SpanContext:
    span = int.from_bytes(hashlib.sha256(f"{trace}/{node}".encode()).digest()[:8], "big")
    return SpanContext(trace or 1, span or 1, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _nanoseconds(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp() * 1000) * 1_000_000
