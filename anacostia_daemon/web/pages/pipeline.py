"""One pipeline: its graph, live, and beside it the runs and what happens to its nodes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from anacostia_daemon.control.client import ControlFailure, ControlRefused
from anacostia_daemon.ctl.sentences import serious, what
from anacostia_daemon.web.api.asked import PipelineName, TheDaemon
from anacostia_daemon.web.facts import pipelines, story, tasks
from anacostia_daemon.web.facts.daemon import Daemon
from anacostia_daemon.web.facts.runs import rows
from anacostia_daemon.web.pages.rendering import Crumb, pages

router = APIRouter()
_FRAGMENTS = "/fragments/pipelines/{pipeline}"

RUNS = 25  # that are shown beside the graph
LINES = 15  # of the journal, there too
LONG = 3.0  # seconds until a node is started again, from which on that is said above the graph
# What a script draws a node from; what it uses at the moment is not for the graph.
_DRAWN = ("name", "kind", "type", "predecessors", "desired", "phase", "reason", "work", "incarnation", "restarts")


@router.get("/pipelines/{pipeline}", response_class=HTMLResponse)
async def page(request: Request, daemon: TheDaemon, name: PipelineName) -> HTMLResponse:
    """The page."""
    known = await pipelines.pipeline(daemon, name)
    return pages(request).page(
        request,
        "pipeline.html",
        title=name,
        crumbs=(Crumb("Pipelines", "/"), Crumb(name)),
        pipeline=name,
        tab="Overview",
        graph={"name": name, "nodes": [_drawn(each) for each in known["nodes"]]},
        known=known,
        troubled=troubled(known["nodes"], datetime.now(UTC)),
        **await _runs(daemon, known),
        **await _happened(daemon, name),
    )


@router.get(_FRAGMENTS + "/head", response_class=HTMLResponse)
async def head(request: Request, daemon: TheDaemon, name: PipelineName) -> HTMLResponse:
    """Its phase and what can be done."""
    known = await pipelines.find(daemon, name)
    template = "_pipeline_head.html" if known else "_gone.html"
    found = troubled(known["nodes"] if known else [], datetime.now(UTC))
    return pages(request).page(request, template, title=name, pipeline=name, node=None, known=known, troubled=found)


@router.get(_FRAGMENTS + "/recent", response_class=HTMLResponse)
async def runs(request: Request, daemon: TheDaemon, name: PipelineName) -> HTMLResponse:
    """Its last runs."""
    shown = await _runs(daemon, await pipelines.find(daemon, name))
    return pages(request).page(request, "_pipeline_runs.html", title=name, pipeline=name, **shown)


@router.get(_FRAGMENTS + "/happened", response_class=HTMLResponse)
async def happened(request: Request, daemon: TheDaemon, name: PipelineName) -> HTMLResponse:
    """What happened to its nodes."""
    shown = await _happened(daemon, name)
    return pages(request).page(request, "_happened.html", title=name, pipeline=name, **shown)


def troubled(nodes: list[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """Those that need a person, or that wait for long. Who is back in a moment is seen on the graph, and moves no page
    up and down. Pure."""
    return [each for each in nodes if each["phase"] == "failed" or _waits(each, now) > LONG]


def _waits(node: dict[str, Any], now: datetime) -> float:
    at = node["next_start_at"] if node["phase"] == "backoff" else None
    return (datetime.fromisoformat(at) - now).total_seconds() if at else 0.0


def _drawn(node: dict[str, Any]) -> dict[str, Any]:
    return {each: node[each] for each in _DRAWN}


async def _runs(daemon: Daemon, known: dict[str, Any] | None) -> dict[str, Any]:
    if known is None or not pipelines.store_is_ready(known):
        return {"runs": [], "readable": False}
    try:
        found = await rows(daemon, known["name"], "runs", {}, newest_first=True, limit=RUNS)
    except ControlFailure:
        return {"runs": [], "readable": False}
    return {"runs": [{**each, **tasks.progress(each)} for each in found], "readable": True}


async def _happened(daemon: Daemon, name: str) -> dict[str, Any]:
    return {"happened": sentences(await journal(daemon, name, None, LINES))}


async def journal(daemon: Daemon, name: str, node: str | None, limit: int) -> list[dict[str, Any]]:
    """The newest lines; none of a pipeline that is no more, or whose file is being loaded."""
    try:
        found: list[dict[str, Any]] = (await story.journal(daemon, name, node, before=None, limit=limit))["items"]
    except ControlRefused as error:
        if error.code != "unknown":
            raise
        return []
    return found


def sentences(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines of the journal, the newest first, each with `what` happened in words and whether it is `serious`. Pure."""
    return [{**each, "what": what(each), "serious": serious(each)} for each in reversed(lines)]
