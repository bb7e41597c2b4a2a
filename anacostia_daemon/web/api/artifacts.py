"""Artifacts, their lineage, and a safe look into them."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Response

from anacostia_daemon.web.api import models
from anacostia_daemon.web.api.asked import ArtifactId, Before, Limit, PipelineName, TheDaemon
from anacostia_daemon.web.facts import artifacts, lineage

router = APIRouter(tags=["artifacts"])

# Whatever the bytes are: they are of another world than our pages, and run nothing.
_SANDBOX = {"Content-Security-Policy": "sandbox; default-src 'none'", "X-Content-Type-Options": "nosniff"}


@router.get("/pipelines/{pipeline}/artifacts", response_model=models.ArtifactPage)
async def all_artifacts(
    daemon: TheDaemon,
    name: PipelineName,
    resource: Annotated[str | None, Query(max_length=128)] = None,
    state: Annotated[Literal["new", "current", "old", "failed"] | None, Query()] = None,
    before: Before = None,
    limit: Limit = 50,
) -> Any:
    """Its artifacts, the newest first."""
    return await artifacts.page(daemon, name, resource=resource or None, state=state, before=before, limit=limit)


@router.get("/pipelines/{pipeline}/artifacts/{artifact_id}", response_model=models.TaggedArtifact)
async def one_artifact(daemon: TheDaemon, name: PipelineName, artifact_id: ArtifactId) -> Any:
    """One artifact with its tags."""
    return await artifacts.artifact(daemon, name, artifact_id)


@router.get("/pipelines/{pipeline}/artifacts/{artifact_id}/lineage", response_model=models.Lineage)
async def lineage_of(daemon: TheDaemon, name: PipelineName, artifact_id: ArtifactId) -> Any:
    """Where it came from, and what was made from it."""
    return await lineage.lineage(daemon, name, artifact_id)


@router.get("/pipelines/{pipeline}/artifacts/{artifact_id}/preview", response_model=models.Preview)
async def preview(daemon: TheDaemon, name: PipelineName, artifact_id: ArtifactId) -> Any:
    """What it looks like: its text, its table, its JSON; of an image only that it is one."""
    return await artifacts.preview(daemon, name, artifact_id)


@router.get("/pipelines/{pipeline}/artifacts/{artifact_id}/content", response_class=Response)
async def content(
    daemon: TheDaemon, name: PipelineName, artifact_id: ArtifactId, download: Annotated[bool, Query()] = False
) -> Response:
    """Its bytes. Only images are shown by a browser; all else is text, or to be kept."""
    found = await artifacts.content(daemon, name, artifact_id)
    kept = download or found.kind == "application/octet-stream"
    named = f"filename*=UTF-8''{quote(found.name, errors='replace')}"
    headers = {**_SANDBOX, "Content-Disposition": f"{'attachment' if kept else 'inline'}; {named}"}
    return Response(found.data, media_type=found.kind, headers=headers)
