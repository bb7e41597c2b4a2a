"""One run: what it is doing or why it ended so, its tasks over time, what it read, made and logged; live."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from anacostia_daemon.web.api.asked import PipelineName, RunId, TheDaemon
from anacostia_daemon.web.facts import compare, logs, pipelines, runs
from anacostia_daemon.web.facts.daemon import Daemon
from anacostia_daemon.web.pages import timeline
from anacostia_daemon.web.pages.rendering import Crumb, pages

router = APIRouter()

Fact = dict[str, Any]

BY_HAND = "@operator"  # the node of tags that a person gave
LINES = 300  # of the log that are shown
MOST_CURVES = 12
MOST_ARTIFACTS = 100
PREVIEWED = 3  # artifacts of a list that are looked into before anybody asks, where they may be text or pictures
_READABLE = (
    "",
    ".txt",
    ".md",
    ".log",
    ".csv",
    ".tsv",
    ".json",
    ".yaml",
    ".yml",
    ".toml",
    ".png",
    ".jpg",
    ".jpeg",
    ".gif",
    ".webp",
)
_AT_WORK = ("executing",)


@router.get("/pipelines/{pipeline}/runs/{run_id}", response_class=HTMLResponse)
async def page(request: Request, daemon: TheDaemon, name: PipelineName, run_id: RunId) -> HTMLResponse:
    """The page."""
    return await _render(request, daemon, name, run_id, "run.html")


@router.get("/fragments/pipelines/{pipeline}/runs/{run_id}", response_class=HTMLResponse)
async def fragment(request: Request, daemon: TheDaemon, name: PipelineName, run_id: RunId) -> HTMLResponse:
    """All of it that changes while it runs, but for its log."""
    return await _render(request, daemon, name, run_id, "_run.html")


@router.get("/fragments/pipelines/{pipeline}/runs/{run_id}/logs", response_class=HTMLResponse)
async def log(
    request: Request,
    daemon: TheDaemon,
    name: PipelineName,
    run_id: RunId,
    node: Annotated[str, Query(max_length=128)] = "",
    level: Annotated[str, Query(max_length=10)] = "",
    search: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:
    """The lines of exactly this run, of all its nodes or one of them, in the order of time."""
    tasks = (await daemon.ask("run", pipeline=name, run_id=run_id))["tasks"]
    nodes = [each["node"] for each in tasks if node in ("", each["node"])]
    lines, complete = await lines_of(daemon, name, run_id, nodes, level, search)
    return pages(request).page(
        request, "_run_log.html", title="Log", pipeline=name, lines=lines, complete=complete, nodes=nodes
    )


async def lines_of(
    daemon: Daemon, name: str, run_id: int, nodes: list[str], level: str, search: str
) -> tuple[list[Fact], bool]:
    """The last lines of these nodes in this run, merged, and whether they are all."""
    wanted = {"limit": LINES, "level": level or None, "search": search or None}
    found = await daemon.read(partial(logs.of_run, daemon.home, name, nodes, run_id, **wanted))
    lines = [{**line, "node": node} for node, one in found.items() for line in one["lines"]]
    lines.sort(key=lambda line: line["at"] or "")
    return lines[-LINES:], len(lines) <= LINES and all(each["complete"] for each in found.values())


async def _render(request: Request, daemon: Daemon, name: str, run_id: int, template: str) -> HTMLResponse:
    run, graph, (older, newer) = await asyncio.gather(
        runs.run(daemon, name, run_id), pipelines.graph(daemon, name), _beside(daemon, name, run_id)
    )
    predecessors = {each["name"]: each["predecessors"] for each in graph["nodes"]}
    now = time.time()
    axis, bars = timeline.of_run(run, predecessors, now)
    read, made = artifacts_of(run)
    by_run = compare.by_run(run["metrics"]).get(run_id, {})
    return pages(request).page(
        request,
        template,
        title=f"Run {run_id} of {name}",
        crumbs=(
            Crumb("Pipelines", "/"),
            Crumb(name, f"/pipelines/{name}"),
            Crumb("Runs", f"/pipelines/{name}/runs"),
            Crumb(f"Run {run_id}"),
        ),
        pipeline=name,
        tab="Runs",
        run=run,
        older=older,
        newer=newer,
        why=why(run),
        took=timeline.length(run, now),
        axis=axis,
        bars=bars,
        at_rest=[each["name"] for each in graph["nodes"] if each["kind"] != "action"],
        errors=[each for each in run["tasks"] if each["error"] and each["state"] != "skipped"],
        read=read[:MOST_ARTIFACTS],
        made=made[:MOST_ARTIFACTS],
        previewed=previewed(read) | previewed(made),
        metrics=by_run,
        curves=sorted({each["key"] for each in run["metrics"] if each["step"] is not None})[:MOST_CURVES],
        by_hand=BY_HAND,
    )


async def _beside(daemon: Daemon, name: str, run_id: int) -> list[int | None]:
    """The run before it, and the one after it."""
    found = await asyncio.gather(
        *(runs.rows(daemon, name, "runs", {}, newest_first=older, limit=1, after=run_id) for older in (True, False))
    )
    return [each[0]["id"] if each else None for each in found]


def why(run: Fact) -> str:
    """What it is doing, or why it ended as it did. Pure."""
    if run["state"] == "running":
        return "; ".join(_doing(each) for each in run["tasks"] if each["state"] in _AT_WORK or each.get("retry_at"))
    if run["state"] == "failed":
        skipped = sum(each["state"] == "skipped" for each in run["tasks"])
        after = f"; {skipped} {'task' if skipped == 1 else 'tasks'} skipped" if skipped else ""
        return f"{pipelines.why(run)}{after}"
    return ""


def _doing(task: Fact) -> str:
    if task["state"] in _AT_WORK:
        return f"{task['node']} executes" + (f", attempt {task['attempts']}" if task["attempts"] > 1 else "")
    return f"{task['node']} is tried again at {task['retry_at'][11:19]} UTC"


def artifacts_of(run: Fact) -> tuple[list[Fact], list[Fact]]:
    """Those that it has claimed, and those that its tasks have made. Pure."""
    made = [each for each in run["artifacts"] if (each["produced_by"] or {}).get("run_id") == run["id"]]
    ids = {each["id"] for each in made}
    return [each for each in run["artifacts"] if each["id"] not in ids], made


def previewed(found: list[Fact]) -> set[int]:
    """Which of these artifacts are shown with a look into them. Pure."""
    readable = [each["id"] for each in found if PurePosixPath(each["location"]).suffix.lower() in _READABLE]
    return set(readable[:PREVIEWED])
