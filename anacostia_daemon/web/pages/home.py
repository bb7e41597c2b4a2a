"""Pipelines: all of them at a glance, what needs attention first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from anacostia_daemon.web.api.asked import TheDaemon
from anacostia_daemon.web.facts import pipelines
from anacostia_daemon.web.pages.rendering import Crumb, pages

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
    """What the last runs of a pipeline say: their rate, how many failed, how long they take. Pure."""
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
        "per_hour": rate(recent),
        "phases": phases,
        "at_work": [each for each in pipeline["nodes"] if each["work"] not in ("", "idle", "watching")],
    }


def rate(recent: list[dict[str, Any]], now: datetime | None = None) -> float | None:
    """Runs per hour, from the first of these runs until now; None where there are too few."""
    if len(recent) < 2:
        return None
    since = ((now or datetime.now(UTC)) - datetime.fromisoformat(recent[-1]["started_at"])).total_seconds()
    return len(recent) * 3600 / max(since, 1.0)


def seconds(begin: str, end: str) -> float:
    """From one moment to another."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
