"""Runs, and the metrics that they have logged."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from anacostia_daemon.web.api import models
from anacostia_daemon.web.api.asked import MOST_ID, Before, Limit, PipelineName, RunId, Text, TheDaemon
from anacostia_daemon.web.facts import compare, logs, metrics, pipelines, runs

router = APIRouter(tags=["runs"])

State = Annotated[Literal["running", "succeeded", "failed", "cancelled"] | None, Query()]
RunIds = Annotated[list[Annotated[int, Query(ge=1, le=MOST_ID)]] | None, Query(max_length=200, alias="run")]
Keys = Annotated[list[Annotated[str, Query(max_length=200)]] | None, Query(max_length=50, alias="key")]


@router.get("/pipelines/{pipeline}/runs", response_model=models.RunPage)
async def all_runs(
    daemon: TheDaemon,
    name: PipelineName,
    state: State = None,
    since: Text = None,
    until: Text = None,
    metric: Text = None,
    tag: Text = None,
    before: Before = None,
    limit: Limit = 50,
) -> Any:
    """Its runs, the newest first. `metric` is like `loss<0.5`, `tag` like `model=big`, times are ISO 8601."""
    wanted = runs.Filter(state, runs.moment(since), runs.moment(until), metric or None, tag or None)
    return await runs.page(daemon, name, wanted, before, limit)


@router.get("/pipelines/{pipeline}/runs/{run_id}", response_model=models.RunDetail)
async def one_run(daemon: TheDaemon, name: PipelineName, run_id: RunId) -> Any:
    """One run with its tasks, and what it used, made and logged."""
    return await runs.run(daemon, name, run_id)


@router.get("/pipelines/{pipeline}/runs/{run_id}/logs", response_model=dict[str, models.LogPage])
async def run_logs(
    daemon: TheDaemon,
    name: PipelineName,
    run_id: RunId,
    node: Annotated[str | None, Query(max_length=128)] = None,
    limit: Annotated[int, Query(ge=1, le=logs.MOST_LINES)] = 200,
) -> Any:
    """The log lines of exactly this run, by node: the last ones of each."""
    known = [each["node"] for each in (await daemon.ask("run", pipeline=name, run_id=run_id))["tasks"]]
    nodes = [each for each in known if node in (None, each)]
    return await daemon.read(partial(logs.of_run, daemon.home, name, nodes, run_id, limit=limit))


@router.get("/pipelines/{pipeline}/metrics", response_model=list[models.MetricKey])
async def metric_keys(daemon: TheDaemon, name: PipelineName) -> Any:
    """The keys that its newest runs have logged."""
    await pipelines.pipeline(daemon, name)
    return await metrics.keys(daemon, name)


@router.get("/pipelines/{pipeline}/metrics/series", response_model=list[models.Series])
async def series(
    daemon: TheDaemon,
    name: PipelineName,
    key: Keys = None,
    run: RunIds = None,
    over: Literal["runs", "steps"] = "runs",
    limit: Annotated[int, Query(ge=1, le=metrics.MOST_RUNS)] = 200,
) -> Any:
    """Metrics over runs (of the newest `limit`, or of those named), or over the steps of the runs named, else of a few
    of the newest."""
    if over == "steps":
        ids = run or await metrics.newest_runs(daemon, name, min(limit, metrics.RECENT_CURVES))
        return await metrics.over_steps(daemon, name, key or [], ids)
    return await metrics.over_runs(daemon, name, key or [], run, limit)


@router.get("/pipelines/{pipeline}/compare", response_model=list[models.ComparedRun])
async def compared(
    daemon: TheDaemon,
    name: PipelineName,
    run: RunIds = None,
    limit: Annotated[int, Query(ge=1, le=compare.MOST_RUNS)] = compare.MOST_RUNS,
) -> Any:
    """Params and last metrics of the runs named, or of the newest `limit`, oldest first."""
    return await compare.runs(daemon, name, run, limit)
