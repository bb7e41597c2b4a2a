"""Pipelines: all of them at a glance, what needs attention first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from anacostia_daemon.web.api.asked import TheDaemon
from anacostia_daemon.web.facts import pipelines
from anacostia_daemon.web.pages.rendering import Crumb, duration, pages

router = APIRouter()


@router.get("/", response_class=HTMLResponse)
async def page(request: Request, daemon: TheDaemon) -> HTMLResponse:
    """The page."""
    return await _render(request, daemon, "pipelines.html")


@router.get("/fragments/pipelines", response_class=HTMLResponse)
async def fragment(request: Request, daemon: TheDaemon) -> HTMLResponse:
    """Its list alone, fetched again when something has changed."""
    return await _render(request, daemon, "_pipelines.html")


async def _render(request: Request, daemon: TheDaemon, template: str) -> HTMLResponse:
    found = await pipelines.overview(daemon)
    shown = [{**each, **digest(each)} for each in found["pipelines"]]
    return pages(request).page(
        request,
        template,
        title="Pipelines",
        crumbs=(Crumb("Pipelines"),),
        daemon=found["daemon"],
        pipelines=shown,
        not_started=found.get("not_started", []),
    )


def digest(pipeline: dict[str, Any]) -> dict[str, Any]:
    """What the last runs of a pipeline say: how often, how many failed, how long they take. Pure."""
    recent = pipeline["recent"]
    ended = [each for each in recent if each["ended_at"]]
    took = sorted(seconds(each["started_at"], each["ended_at"]) for each in ended)
    phases: dict[str, int] = {}
    for node in pipeline["nodes"]:
        phases[node["phase"]] = phases.get(node["phase"], 0) + 1
    return {
        "last_run": recent[0] if recent else None,
        "failed": sum(each["state"] == "failed" for each in ended),
        "ended": len(ended),
        "median": took[len(took) // 2] if took else None,
        "pace": pace(recent),
        "phases": phases,
        "at_work": [each for each in pipeline["nodes"] if each["work"] not in ("", "idle", "watching")],
    }


def pace(recent: list[dict[str, Any]], now: datetime | None = None) -> str:
    """How often it runs, of the runs given, the newest first: '7 in the last hour', '30 in 12 min'."""
    now = now or datetime.now(UTC)
    ages = [(now - datetime.fromisoformat(each["started_at"])).total_seconds() for each in recent]
    if len(ages) == pipelines.RECENT and ages[-1] < 3600:
        return f"{len(ages)} in {duration(ages[-1])}"
    return f"{sum(each < 3600 for each in ages)} in the last hour"


def seconds(begin: str, end: str) -> float:
    """From one moment to another."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
