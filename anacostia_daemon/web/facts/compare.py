"""Runs side by side: what went into each (params) and what came of it (the last value of each metric)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from anacostia_daemon.web.facts.daemon import Daemon
from anacostia_daemon.web.facts.metrics import last_of_runs, newest_runs
from anacostia_daemon.web.facts.runs import rows

Fact = dict[str, Any]

MOST_RUNS = 200
_MOST_SHOWN = 2_000  # metrics that a table of runs is made from


async def runs(daemon: Daemon, pipeline: str, chosen: list[int] | None, limit: int) -> list[Fact]:
    """The chosen runs, or the newest `limit`, oldest first: {"id", "state", "started_at", "ended_at", "params",
    "metrics"}. A key that several nodes have logged is told apart: node/key. Runs that are not there are left out."""
    ids = chosen[:MOST_RUNS] if chosen else await newest_runs(daemon, pipeline, min(limit, MOST_RUNS))
    if not ids:
        return []
    found, params, metrics = await asyncio.gather(
        rows(daemon, pipeline, "runs", {"id": ids}),
        rows(daemon, pipeline, "params", {"run_id": ids}, limit=20_000),
        last_of_runs(daemon, pipeline, ids),
    )
    of_params, of_metrics = by_run(params), by_run(metrics)
    shown = ("id", "state", "started_at", "ended_at")
    return [
        {
            **{each: run[each] for each in shown},
            "params": of_params.get(run["id"], {}),
            "metrics": of_metrics.get(run["id"], {}),
        }
        for run in sorted(found, key=lambda each: int(each["id"]))
    ]


async def shown_beside(daemon: Daemon, pipeline: str, ids: list[int]) -> dict[int, Fact]:
    """The metrics of these runs that are logged once and not by steps, by run: what a table of runs shows of them."""
    if not ids:
        return {}
    where = {"run_id": ids, "step": None}
    return by_run(
        await rows(daemon, pipeline, "metrics", where, newest_first=True, limit=_MOST_SHOWN), newest_first=True
    )


def by_run(logged: Iterable[Fact], newest_first: bool = False) -> dict[int, Fact]:
    """Key to value for each run; the last one counts. Pure."""
    known = list(logged)
    nodes: dict[str, set[str]] = {}
    for row in known:
        nodes.setdefault(row["key"], set()).add(row["node"])
    found: dict[int, Fact] = {}
    for row in reversed(known) if newest_first else known:
        key = row["key"] if len(nodes[row["key"]]) == 1 else f"{row['node']}/{row['key']}"
        found.setdefault(row["run_id"], {})[key] = row["value"]
    return found


def beside_each_other(found: list[Fact], kind: str) -> list[Fact]:
    """One line per key: {"key", "values": one per run or None, "differs"}. `kind`: params or metrics. Pure."""
    keys = dict.fromkeys(key for run in found for key in run[kind])
    lines = []
    for key in sorted(keys):
        values = [run[kind].get(key) for run in found]
        lines.append({"key": key, "values": values, "differs": any(each != values[0] for each in values)})
    return lines
