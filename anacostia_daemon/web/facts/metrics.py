"""Metrics as series: over runs or over steps, several at once, thinned out here so that no browser gets more points
than it has pixels. Keys are those of the newest runs."""

from __future__ import annotations

from typing import Any

from anacostia_daemon.web.facts.daemon import Daemon
from anacostia_daemon.web.facts.runs import MOST_ROWS, answers, batches, rows, rows_of_runs

Fact = dict[str, Any]

RECENT = 200  # runs whose keys are offered, where nobody names runs
RECENT_CURVES = 5  # runs whose steps are drawn, where nobody names runs
MOST_RUNS = 1_000  # of one series over runs
MOST_POINTS = 2_000  # of one series
_LAST_ROWS = 300  # of one run with many steps: among its newest rows are the last values of all its keys


async def keys(daemon: Daemon, pipeline: str) -> list[Fact]:
    """The keys that the newest runs have logged: {"key", "node", "steps": whether it is logged by steps, "last"}."""
    found: dict[tuple[str, str], Fact] = {}
    for row in await last_of_runs(daemon, pipeline, await newest_runs(daemon, pipeline, RECENT)):
        known = found.setdefault(
            (row["key"], row["node"]), {"key": row["key"], "node": row["node"], "steps": False, "last": None}
        )
        known["steps"] = known["steps"] or row["step"] is not None
        known["last"] = row["value"]
    return [found[each] for each in sorted(found)]


async def over_runs(daemon: Daemon, pipeline: str, wanted: list[str], runs: list[int] | None, limit: int) -> list[Fact]:
    """A series for each key and node: {"key", "node", "points": [{"x": run id, "run_id", "value", "at"}]}, the last
    value of each run. Of `runs`, or of the newest `limit`."""
    ids = await newest_runs(daemon, pipeline, min(limit, MOST_RUNS)) if runs is None else runs[:MOST_RUNS]
    series: dict[tuple[str, str], dict[int, Fact]] = {}
    for row in await last_of_runs(daemon, pipeline, ids, wanted):
        point = {"x": row["run_id"], "run_id": row["run_id"], "value": row["value"], "at": row["logged_at"]}
        series.setdefault((row["key"], row["node"]), {})[row["run_id"]] = point
    return [
        {"key": key, "node": node, "run_id": None, "points": thinned([points[each] for each in sorted(points)])}
        for (key, node), points in sorted(series.items())
    ]


async def over_steps(daemon: Daemon, pipeline: str, wanted: list[str], runs: list[int]) -> list[Fact]:
    """A series for each key, node and run: x is the step, or, where none was given, how many came before."""
    series: dict[tuple[str, str, int], list[Fact]] = {}
    for row in await of_runs(daemon, pipeline, runs[:MOST_RUNS], wanted):
        points = series.setdefault((row["key"], row["node"], row["run_id"]), [])
        step = len(points) if row["step"] is None else row["step"]
        points.append({"x": step, "run_id": row["run_id"], "value": row["value"], "at": row["logged_at"]})
    return [
        {"key": key, "node": node, "run_id": run_id, "points": thinned(sorted(points, key=lambda each: int(each["x"])))}
        for (key, node, run_id), points in sorted(series.items())
    ]


async def newest_runs(daemon: Daemon, pipeline: str, limit: int) -> list[int]:
    """The ids of the newest runs, oldest first."""
    found = await rows(daemon, pipeline, "runs", {}, newest_first=True, limit=max(1, limit))
    return [each["id"] for each in reversed(found)]


async def of_runs(daemon: Daemon, pipeline: str, ids: list[int], wanted: list[str] | None = None) -> list[Fact]:
    """Their metrics, in the order in which they were logged."""
    found = await rows_of_runs(daemon, pipeline, "metrics", ids, {"key": wanted} if wanted else {})
    return sorted(found, key=lambda row: int(row["id"]))


async def last_of_runs(daemon: Daemon, pipeline: str, ids: list[int], wanted: list[str] | None = None) -> list[Fact]:
    """As `of_runs`, but of runs that have logged much only the newest rows: enough for the last value of each key."""
    where = {"key": wanted} if wanted else {}
    found, crowded = list[Fact](), list[list[int]]()
    async for batch, answer in answers(daemon, pipeline, "metrics", batches(ids), where, MOST_ROWS):
        if len(answer) < MOST_ROWS:
            found += answer
        else:
            crowded += [[each] for each in batch]
    async for _, answer in answers(daemon, pipeline, "metrics", crowded, where, _LAST_ROWS):
        found += answer
    return sorted(found, key=lambda row: int(row["id"]))


def thinned(points: list[Fact], most: int = MOST_POINTS) -> list[Fact]:
    """At most `most` points that look alike: of each stretch the lowest and the highest, and both ends. Pure."""
    if len(points) <= most:
        return points
    stretch = len(points) / ((most - 2) // 2)
    kept = {0, len(points) - 1}
    for index in range((most - 2) // 2):
        part = range(int(index * stretch), min(len(points), int((index + 1) * stretch)))
        kept.add(min(part, key=lambda each: points[each]["value"]))
        kept.add(max(part, key=lambda each: points[each]["value"]))
    return [points[each] for each in sorted(kept)]
