"""What people do: each action is a command of the control socket, answered at once; what follows is seen live."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from anacostia_daemon.web.api import models
from anacostia_daemon.web.api.asked import ArtifactId, By, NodeName, PipelineName, RunId, TheDaemon

router = APIRouter(tags=["actions"])

Wish = Literal["start", "stop", "restart", "pause", "resume"]
Token = Annotated[str | None, Body(embed=True, min_length=8, max_length=64, description="makes the wish one, repeated")]


@router.post("/pipelines/{pipeline}/trigger", response_model=models.Done)
async def trigger(daemon: TheDaemon, by: By, name: PipelineName, token: Token = None) -> Any:
    """Start a run now, with all that is new."""
    return await daemon.ask("trigger", pipeline=name, token=token or uuid.uuid4().hex, by=by)


@router.post("/pipelines/{pipeline}/runs/{run_id}/cancel", response_model=models.Done)
async def cancel(daemon: TheDaemon, by: By, name: PipelineName, run_id: RunId) -> Any:
    """End a run now."""
    return await daemon.ask("cancel", pipeline=name, run_id=run_id, by=by)


@router.post("/pipelines/{pipeline}/runs/{run_id}/retry", response_model=models.Done)
async def retry(
    daemon: TheDaemon,
    by: By,
    name: PipelineName,
    run_id: RunId,
    from_node: Annotated[str | None, Body(embed=True, max_length=128)] = None,
    token: Token = None,
) -> Any:
    """Open a run again that has ended: what did not succeed, or one node and all after it."""
    token = token or uuid.uuid4().hex
    return await daemon.ask("retry", pipeline=name, run_id=run_id, from_node=from_node, token=token, by=by)


@router.post("/pipelines/{pipeline}/artifacts/{artifact_id}/release", response_model=models.Done)
async def release(daemon: TheDaemon, by: By, name: PipelineName, artifact_id: ArtifactId) -> Any:
    """Offer a failed artifact to runs again."""
    return await daemon.ask("release", pipeline=name, artifact_id=artifact_id, by=by)


class Tags(BaseModel):
    """Tags to give, and keys of tags to take away."""

    set: dict[Annotated[str, Field(min_length=1, max_length=200)], Any] = Field(default_factory=dict, max_length=100)
    remove: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(default_factory=list, max_length=100)


@router.post("/pipelines/{pipeline}/runs/{run_id}/tags", response_model=models.Done)
async def tag_run(daemon: TheDaemon, by: By, name: PipelineName, run_id: RunId, tags: Tags) -> Any:
    """Give a run tags, or take away those that were given by hand."""
    return await daemon.ask("tag", pipeline=name, run_id=run_id, set=tags.set, remove=tags.remove, by=by)


@router.post("/pipelines/{pipeline}/artifacts/{artifact_id}/tags", response_model=models.Done)
async def tag_artifact(daemon: TheDaemon, by: By, name: PipelineName, artifact_id: ArtifactId, tags: Tags) -> Any:
    """Give an artifact tags, or take some away."""
    return await daemon.ask("tag", pipeline=name, artifact_id=artifact_id, set=tags.set, remove=tags.remove, by=by)


@router.post("/pipelines/{pipeline}/nodes/{node}/{wish}", response_model=models.Done)
async def of_node(daemon: TheDaemon, by: By, name: PipelineName, node: NodeName, wish: Wish) -> Any:
    """Start, stop, restart, pause or resume one node."""
    return await daemon.ask(wish, target=f"{name}/{node}", wait=False, by=by)


@router.post("/pipelines/{pipeline}/{wish}", response_model=models.Done)
async def of_pipeline(daemon: TheDaemon, by: By, name: PipelineName, wish: Wish) -> Any:
    """Start, stop, restart, pause or resume all of it."""
    return await daemon.ask(wish, target=name, wait=False, by=by)
