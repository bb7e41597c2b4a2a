"""Pipelines, their graph, their nodes, what these use, write and went through."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from anacostia_daemon.web.api import models
from anacostia_daemon.web.api.asked import Before, Limit, NodeName, PipelineName, TheDaemon, TheWatch
from anacostia_daemon.web.facts import logs, panels, pipelines, story

router = APIRouter(tags=["pipelines"])

Cursor = Annotated[str | None, Query(max_length=80, description="a cursor of an earlier answer")]


@router.get("/pipelines", response_model=models.Overview)
async def all_pipelines(daemon: TheDaemon) -> Any:
    """Every pipeline with its last runs; what needs attention first."""
    return await pipelines.overview(daemon)


@router.get("/pipelines/{pipeline}", response_model=models.Pipeline)
async def one_pipeline(daemon: TheDaemon, name: PipelineName) -> Any:
    """One pipeline, as `status --json` has it."""
    return await pipelines.pipeline(daemon, name)


@router.get("/pipelines/{pipeline}/graph", response_model=models.Graph)
async def graph(daemon: TheDaemon, name: PipelineName) -> Any:
    """Its graph, as `graph --json` has it."""
    return await pipelines.graph(daemon, name)


@router.get("/pipelines/{pipeline}/nodes", response_model=list[models.Node])
async def nodes(daemon: TheDaemon, name: PipelineName) -> Any:
    """Its nodes."""
    return (await pipelines.pipeline(daemon, name))["nodes"]


@router.get("/pipelines/{pipeline}/nodes/{node}", response_model=models.Node)
async def one_node(daemon: TheDaemon, name: PipelineName, node: NodeName) -> Any:
    """One of its nodes."""
    return await pipelines.node(daemon, name, node)


@router.get("/pipelines/{pipeline}/nodes/{node}/incarnations", response_model=list[models.Incarnation])
async def incarnations(daemon: TheDaemon, name: PipelineName, node: NodeName) -> Any:
    """The processes that it has been, oldest first, as far back as the journal tells."""
    await pipelines.node(daemon, name, node)
    return await story.incarnations(daemon, name, node)


@router.get("/pipelines/{pipeline}/nodes/{node}/usage", response_model=list[models.UsagePoint])
async def usage(
    daemon: TheDaemon,
    watch: TheWatch,
    name: PipelineName,
    node: NodeName,
    after: Annotated[str | None, Query(max_length=40, description="only what was seen after this moment")] = None,
) -> Any:
    """Its CPU (100 is one core) and memory over time, since the dashboard began to look."""
    await pipelines.node(daemon, name, node)
    return [each for each in watch.usage.of(name, node) if after is None or each["at"] > after]


@router.get("/pipelines/{pipeline}/nodes/{node}/logs", response_model=models.LogPage)
async def node_logs(
    daemon: TheDaemon,
    name: PipelineName,
    node: NodeName,
    before: Cursor = None,
    after: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=logs.MOST_LINES)] = 200,
    level: Annotated[str | None, Query(max_length=10)] = None,
    search: Annotated[str | None, Query(max_length=200)] = None,
    run_id: Annotated[int | None, Query(ge=1, le=2**53)] = None,
) -> Any:
    """Its log: the end, what is before a cursor, or what came after one; searched, from a level on, of one run."""
    await pipelines.node(daemon, name, node)
    return await daemon.read(
        lambda: logs.page(
            daemon.home.log_file(name, node),
            before=before,
            after=after,
            limit=limit,
            level=level,
            search=search,
            run_id=run_id,
        )
    )


@router.get("/pipelines/{pipeline}/nodes/{node}/panel", response_model=list[models.PanelPart])
async def node_panel(daemon: TheDaemon, name: PipelineName, node: NodeName) -> Any:
    """What it shows of itself: tables, plots, markdown, facts, made by its own code just now."""
    return await panels.panel(daemon, name, node)


@router.get("/pipelines/{pipeline}/journal", response_model=models.JournalPage)
async def journal(
    daemon: TheDaemon,
    name: PipelineName,
    node: Annotated[str | None, Query(max_length=128)] = None,
    before: Before = None,
    limit: Limit = 100,
) -> Any:
    """What happened to it, or to one of its nodes, in the order of time."""
    return await story.journal(daemon, name, node or None, before=before, limit=limit)
