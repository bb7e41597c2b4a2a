"""One node: what it is at, its processes over time, its tasks, log and journal. Fragments answer also where the node is
no more: an open page has to say so, and not to fail."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from anacostia_daemon.control.client import ControlFailure
from anacostia_daemon.web.api.asked import NodeName, PipelineName, TheDaemon
from anacostia_daemon.web.facts import pipelines, story, tasks
from anacostia_daemon.web.facts.daemon import Daemon
from anacostia_daemon.web.facts.errors import CannotShow
from anacostia_daemon.web.pages.home import seconds
from anacostia_daemon.web.pages.pipeline import journal, sentences
from anacostia_daemon.web.pages.rendering import Crumb, pages

router = APIRouter()
_FRAGMENTS = "/fragments/pipelines/{pipeline}/nodes/{node}"

LOOKED_AT = 400  # lines of its journal, each time something is new in it
LINES = 60  # of these are shown
LIVES = 60  # of its processes


@router.get("/pipelines/{pipeline}/nodes/{node}", response_class=HTMLResponse)
async def page(request: Request, daemon: TheDaemon, name: PipelineName, node: NodeName) -> HTMLResponse:
    """The page."""
    known = await pipelines.pipeline(daemon, name)
    facts = _found(known, node)
    if facts is None:
        raise CannotShow("unknown", f"cannot show node '{node}': no such node in pipeline '{name}'")
    crumbs = (Crumb("Pipelines", "/"), Crumb(name, f"/pipelines/{name}"), Crumb(node))
    return pages(request).page(
        request,
        "node.html",
        title=f"{node} · {name}",
        crumbs=crumbs,
        pipeline=name,
        node=node,
        tab="",
        **facts,
        **await _lives(daemon, name, node),
        **await _tasks(daemon, known, node),
    )


@router.get(_FRAGMENTS + "/head", response_class=HTMLResponse)
async def head(request: Request, daemon: TheDaemon, name: PipelineName, node: NodeName) -> HTMLResponse:
    """What it is at, and what can be done; or that it is no more."""
    facts = _found(await pipelines.find(daemon, name), node)
    template = "_node_head.html" if facts else "_gone.html"
    return pages(request).page(request, template, title=node, pipeline=name, node=node, **(facts or {}))


@router.get(_FRAGMENTS + "/lives", response_class=HTMLResponse)
async def lives(request: Request, daemon: TheDaemon, name: PipelineName, node: NodeName) -> HTMLResponse:
    """Its processes over time, and its journal."""
    shown = await _lives(daemon, name, node)
    return pages(request).page(request, "_node_lives.html", title=node, pipeline=name, node=node, **shown)


@router.get(_FRAGMENTS + "/tasks", response_class=HTMLResponse)
async def done(request: Request, daemon: TheDaemon, name: PipelineName, node: NodeName) -> HTMLResponse:
    """Its last tasks."""
    shown = await _tasks(daemon, await pipelines.find(daemon, name), node)
    return pages(request).page(request, "_node_tasks.html", title=node, pipeline=name, node=node, **shown)


def _found(known: dict[str, Any] | None, node: str) -> dict[str, Any] | None:
    """The node and its neighbours; None where it is no more."""
    by_name = {each["name"]: each for each in (known["nodes"] if known else ())}
    if node not in by_name:
        return None
    return {
        "known": by_name[node],
        "before": [by_name[each] for each in by_name[node]["predecessors"] if each in by_name],
        "after": [each for each in by_name.values() if node in each["predecessors"]],
    }


async def _lives(daemon: Daemon, name: str, node: str) -> dict[str, Any]:
    lines = await journal(daemon, name, node, LOOKED_AT)
    now = datetime.now(UTC)
    found = [{**each, **told_of(each, now)} for each in story.told(lines)[-LIVES:]]
    return {"strip": found, "lives": found[::-1], "happened": sentences(lines[-LINES:])}


def told_of(life: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Of one process: `seconds` it lived, `ready_after` seconds, and a `width` of 1..12 by the order of the first: one
    of a week must not hide one of a second. `state`: alive, asked (it ended when it was told to), or died. Pure."""
    begin, ready = life["started_at"], life["ready_at"]
    took = seconds(begin, life["ended_at"] or now.isoformat()) if begin else 0.0
    died = life["exit_code"] not in (None, 0) or life["signal"] is not None
    return {
        "seconds": took,
        "ready_after": seconds(begin, ready) if begin and ready else None,
        "width": 1 + min(11, round(took).bit_length() // 2),
        "state": "alive" if life["ended_at"] is None else "died" if died else "asked",
    }


async def _tasks(daemon: Daemon, known: dict[str, Any] | None, node: str) -> dict[str, Any]:
    if known is None or not pipelines.store_is_ready(known):
        return {"tasks": [], "readable": False}
    try:
        found = await tasks.of_node(daemon, known["name"], node)
    except ControlFailure:
        return {"tasks": [], "readable": False}
    took = [_took(each) for each in found]
    longest = max((each for each in took if each is not None), default=0.0)
    shown = [{**each, "seconds": one, "share": share(one, longest)} for each, one in zip(found, took, strict=True)]
    return {"tasks": shown, "readable": True}


def _took(task: dict[str, Any]) -> float | None:
    return seconds(task["started_at"], task["ended_at"]) if task["started_at"] and task["ended_at"] else None


def share(one: float | None, longest: float) -> int:
    """How long beside the longest, in tenths."""
    return 0 if not one or not longest else max(1, round(10 * one / longest))
