"""The panel of a node, as a fragment that the page of the node fetches: its code may take its time, or fail."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from anacostia_daemon.control.client import ControlRefused
from anacostia_daemon.web.api.asked import NodeName, PipelineName, TheDaemon
from anacostia_daemon.web.facts import panels
from anacostia_daemon.web.pages.rendering import pages

router = APIRouter()


@router.get("/fragments/pipelines/{pipeline}/nodes/{node}/panel", response_class=HTMLResponse)
async def fragment(request: Request, daemon: TheDaemon, name: PipelineName, node: NodeName) -> HTMLResponse:
    """Its parts, or why there are none."""
    problem = ""
    parts = []
    try:
        parts = await panels.panel(daemon, name, node)
    except ControlRefused as error:
        problem = str(error)
    return pages(request).page(request, "_panel.html", title=node, parts=parts, problem=problem)
