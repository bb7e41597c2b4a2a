"""Artifacts: by resource and state, in pages from the newest on; one of them, what it holds, what made and read it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from anacostia_daemon.control.client import ControlFailure
from anacostia_daemon.web.api.asked import ArtifactId, Before, PipelineName, TheDaemon
from anacostia_daemon.web.facts import artifacts, pipelines
from anacostia_daemon.web.facts.daemon import Daemon
from anacostia_daemon.web.facts.errors import CannotShow
from anacostia_daemon.web.pages.rendering import Crumb, pages

router = APIRouter()

Fact = dict[str, Any]

STATES = ("new", "current", "old", "failed")
ON_A_PAGE = 50
MOST_TEXT = 20_000  # characters of a preview
MOST_READERS = 200

_Word = Annotated[str, Query(max_length=128)]


@router.get("/pipelines/{pipeline}/artifacts", response_class=HTMLResponse)
async def page(
    request: Request,
    daemon: TheDaemon,
    name: PipelineName,
    resource: _Word = "",
    state: _Word = "",
    before: Before = None,
) -> HTMLResponse:
    """The page."""
    return await _all(request, daemon, name, resource, state, before, "artifacts.html")


@router.get("/fragments/pipelines/{pipeline}/artifacts", response_class=HTMLResponse)
async def fragment(
    request: Request, daemon: TheDaemon, name: PipelineName, resource: _Word = "", state: _Word = ""
) -> HTMLResponse:
    """Its table alone, of the newest."""
    return await _all(request, daemon, name, resource, state, None, "_artifacts.html")


@router.get("/pipelines/{pipeline}/artifacts/{artifact_id}", response_class=HTMLResponse)
async def artifact(request: Request, daemon: TheDaemon, name: PipelineName, artifact_id: ArtifactId) -> HTMLResponse:
    """The page of one."""
    return await _one(request, daemon, name, artifact_id, "artifact.html")


@router.get("/fragments/pipelines/{pipeline}/artifacts/{artifact_id}", response_class=HTMLResponse)
async def of_artifact(request: Request, daemon: TheDaemon, name: PipelineName, artifact_id: ArtifactId) -> HTMLResponse:
    """What of it may change."""
    return await _one(request, daemon, name, artifact_id, "_artifact.html")


@router.get("/fragments/pipelines/{pipeline}/artifacts/{artifact_id}/preview", response_class=HTMLResponse)
async def preview(request: Request, daemon: TheDaemon, name: PipelineName, artifact_id: ArtifactId) -> HTMLResponse:
    """A look into it, or why there is none."""
    found: Fact | None = None
    problem = ""
    try:
        found = await artifacts.preview(daemon, name, artifact_id)
    except (CannotShow, ControlFailure) as error:
        problem = str(error)
    return pages(request).page(
        request,
        "_preview.html",
        title="Preview",
        preview=found and {"text": None, **found},
        problem=problem,
        most=MOST_TEXT,
        name=f"artifact {artifact_id}",
        content=f"/api/v1/pipelines/{name}/artifacts/{artifact_id}/content",
    )


async def _all(
    request: Request, daemon: Daemon, name: str, resource: str, state: str, before: int | None, template: str
) -> HTMLResponse:
    nodes = (await pipelines.pipeline(daemon, name))["nodes"]
    problem = "" if state in ("", *STATES) else f"cannot show artifacts that are {state!r}: none ever is that"
    found: Fact = {"items": [], "next": None}
    if not problem:
        found = await artifacts.page(
            daemon, name, resource=resource or None, state=state or None, before=before, limit=ON_A_PAGE
        )
    resources = [each["name"] for each in nodes if each["kind"] == "resource"]
    wanted = {key: value for key, value in (("resource", resource), ("state", state)) if value}
    return pages(request).page(
        request,
        template,
        status=422 if problem else 200,
        title=f"Artifacts of {name}",
        crumbs=(Crumb("Pipelines", "/"), Crumb(name, f"/pipelines/{name}"), Crumb("Artifacts")),
        pipeline=name,
        tab="Artifacts",
        artifacts=found["items"],
        next=found["next"],
        before=before,
        problem=problem,
        resources=resources if not resource or resource in resources else [*resources, resource],
        states=STATES,
        resource=resource,
        state=state,
        query=urlencode(wanted),
    )


async def _one(request: Request, daemon: Daemon, name: str, artifact_id: int, template: str) -> HTMLResponse:
    found = await artifacts.artifact(daemon, name, artifact_id)
    run, graph = await asyncio.gather(_run(daemon, name, found["run_id"]), pipelines.graph(daemon, name))
    file = found["location"].rpartition("/")[2] or found["location"]
    return pages(request).page(
        request,
        template,
        title=f"{file} of {name}",
        crumbs=(
            Crumb("Pipelines", "/"),
            Crumb(name, f"/pipelines/{name}"),
            Crumb("Artifacts", f"/pipelines/{name}/artifacts"),
            Crumb(file),
        ),
        pipeline=name,
        tab="Artifacts",
        artifact=found,
        file=file,
        run=run,
        readers=readers(found, run, graph["nodes"]),
    )


async def _run(daemon: Daemon, name: str, run_id: int | None) -> Fact | None:
    if run_id is None:
        return None
    found: Fact = await daemon.ask("run", pipeline=name, run_id=run_id)
    return found


def readers(artifact: Fact, run: Fact | None, nodes: list[Fact]) -> list[Fact]:
    """The tasks of its run that had it before them: of nodes that follow its resource, or its maker. Pure."""
    if run is None:
        return []
    made = artifact["produced_by"]
    sources = {made["node"]} if made and made["run_id"] == run["id"] else {artifact["resource"]}
    after = {each["name"] for each in nodes if sources & set(each["predecessors"])}
    return [each for each in run["tasks"] if each["node"] in after][:MOST_READERS]
