"""Metrics: over runs or over steps, several at once, and runs beside each other. Plots are drawn in the browser."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from anacostia_daemon.web.api.asked import PipelineName, TheDaemon
from anacostia_daemon.web.api.runs import Keys, RunIds
from anacostia_daemon.web.facts import compare, metrics, pipelines
from anacostia_daemon.web.facts.daemon import Daemon
from anacostia_daemon.web.pages.rendering import Crumb, pages

router = APIRouter()

Fact = dict[str, Any]

MOST_PLOTS = 6  # that are shown where nobody asked for certain ones
MOST_COLUMNS = 10  # runs of the table
LIMITS = (20, 50, 200, 1000)


@dataclass(frozen=True)
class Asked:
    """What the address says; `over` and `keys` may be left to us."""

    keys: list[str]
    runs: list[int]
    over: str | None
    log: bool
    one: bool
    smooth: float
    limit: int


def asked(
    keys: Keys = None,
    runs: RunIds = None,
    over: Literal["runs", "steps"] | None = None,
    log: bool = False,
    one: bool = False,
    smooth: Annotated[float, Query(ge=0, le=0.98)] = 0,
    limit: Annotated[int, Query(ge=1, le=metrics.MOST_RUNS)] = 200,
) -> Asked:
    return Asked(keys or [], runs or [], over, log, one, smooth, limit)


TheAsked = Annotated[Asked, Depends(asked)]


@router.get("/pipelines/{pipeline}/metrics", response_class=HTMLResponse)
async def page(request: Request, daemon: TheDaemon, name: PipelineName, wanted: TheAsked) -> HTMLResponse:
    """The page."""
    await pipelines.pipeline(daemon, name)
    known, beside = await asyncio.gather(metrics.keys(daemon, name), _beside(daemon, name, wanted))
    keys, over = offered(known, wanted)
    return pages(request).page(
        request,
        "metrics.html",
        title=f"Metrics of {name}",
        crumbs=(Crumb("Pipelines", "/"), Crumb(name, f"/pipelines/{name}"), Crumb("Metrics")),
        tab="Metrics",
        over=over,
        keys=keys,
        limits=sorted({*LIMITS, wanted.limit}),
        **beside,
    )


@router.get("/fragments/pipelines/{pipeline}/metrics", response_class=HTMLResponse)
async def fragment(request: Request, daemon: TheDaemon, name: PipelineName, wanted: TheAsked) -> HTMLResponse:
    """The table of runs beside each other."""
    return pages(request).page(request, "_compare.html", title="", **await _beside(daemon, name, wanted))


async def _beside(daemon: Daemon, name: str, wanted: Asked) -> Fact:
    runs = await compare.runs(daemon, name, wanted.runs, limit=MOST_COLUMNS)
    shown = runs[-MOST_COLUMNS:]
    return {
        "pipeline": name,
        "asked": wanted,
        "runs": shown,
        "left_out": len(runs) - len(shown),
        "missing": sorted(set(wanted.runs) - {each["id"] for each in runs}),
        "beside": {kind: compare.beside_each_other(shown, kind) for kind in ("params", "metrics")},
    }


def offered(known: list[Fact], wanted: Asked) -> tuple[list[Fact], str]:
    """The keys with whether they are chosen, and over what. Who says nothing sees curves of chosen runs, and of many
    runs what is logged once in each. Pure."""
    steps: dict[str, bool] = {}
    for each in known:
        steps[each["key"]] = steps.get(each["key"], False) or each["steps"]
    steps |= {key: False for key in wanted.keys if key not in steps}  # of older runs, or of none: shown as asked
    once = [key for key in steps if not steps[key]]
    over = wanted.over or ("steps" if (wanted.runs or not once) and any(steps.values()) else "runs")
    first = [key for key in steps if steps[key]] if over == "steps" else [*once, *(key for key in steps if steps[key])]
    chosen = set(wanted.keys or first[:MOST_PLOTS])
    return [{"key": key, "steps": steps[key], "chosen": key in chosen} for key in steps], over
