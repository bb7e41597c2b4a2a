"""Runs: a table with filters that stand in the address, in pages from the newest on; the first page is live."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from anacostia_daemon.web.api.asked import Before, Limit, PipelineName, Text, TheDaemon
from anacostia_daemon.web.facts import compare, pipelines, runs
from anacostia_daemon.web.facts.daemon import Daemon
from anacostia_daemon.web.facts.errors import CannotShow
from anacostia_daemon.web.pages import timeline
from anacostia_daemon.web.pages.rendering import Crumb, pages

router = APIRouter()

Fact = dict[str, Any]

STATES = ("running", "succeeded", "failed", "cancelled")
MOST_METRICS = 4  # columns
MOST_TAGS = 1_000  # of all runs of a page


@dataclass(frozen=True)
class Asked:
    """What the address says, as text: so a form can show it again, also where it is nonsense."""

    state: str = ""
    since: str = ""
    until: str = ""
    metric: str = ""
    tag: str = ""
    before: int | None = None
    limit: int = 50

    def query(self, **other: Any) -> str:
        """As the part of an address after the question mark."""
        fields = {**self.__dict__, **other}
        return urlencode({key: value for key, value in fields.items() if value and (key, value) != ("limit", 50)})

    @property
    def filters(self) -> bool:
        return any((self.state, self.since, self.until, self.metric, self.tag))

    def filter(self) -> runs.Filter:
        """What facts understand. CannotShow where it is nonsense."""
        if self.state and self.state not in STATES:
            raise CannotShow(
                "invalid",
                f"cannot show runs that are {self.state!r}: no run is ever that",
                f"it is {', '.join(STATES)}",
            )
        since, until = runs.moment(self.since), runs.moment(self.until)
        return runs.Filter(self.state or None, since, until, self.metric.strip() or None, self.tag.strip() or None)


def asked(
    state: Annotated[str, Query(max_length=40)] = "",
    since: Text = "",
    until: Text = "",
    metric: Text = "",
    tag: Text = "",
    before: Before = None,
    limit: Limit = 50,
) -> Asked:
    return Asked(state.strip(), since or "", until or "", metric or "", tag or "", before, limit)


TheAsked = Annotated[Asked, Depends(asked)]


@router.get("/pipelines/{pipeline}/runs", response_class=HTMLResponse)
async def page(request: Request, daemon: TheDaemon, name: PipelineName, wanted: TheAsked) -> HTMLResponse:
    """The page."""
    return await _render(request, daemon, name, wanted, "runs.html")


@router.get("/fragments/pipelines/{pipeline}/runs", response_class=HTMLResponse)
async def fragment(request: Request, daemon: TheDaemon, name: PipelineName, wanted: TheAsked) -> HTMLResponse:
    """Its table alone."""
    return await _render(request, daemon, name, wanted, "_runs.html")


async def _render(request: Request, daemon: Daemon, name: str, wanted: Asked, template: str) -> HTMLResponse:
    problem = hint = ""
    found: Fact = {"items": [], "next": None, "scanned": 0}
    try:
        found = await runs.page(daemon, name, wanted.filter(), wanted.before, wanted.limit)
    except CannotShow as error:
        if error.code != "invalid":
            raise
        await pipelines.pipeline(daemon, name)  # one that is unknown is worse than a filter that is
        problem, hint = str(error), error.hint
    return pages(request).page(
        request,
        template,
        status=422 if problem else 200,
        title=f"Runs of {name}",
        crumbs=(Crumb("Pipelines", "/"), Crumb(name, f"/pipelines/{name}"), Crumb("Runs")),
        pipeline=name,
        tab="Runs",
        asked=wanted,
        states=STATES,
        problem=problem,
        hint=hint,
        next=found["next"],
        scanned=found["scanned"],
        **await _shown(daemon, name, found["items"]),
    )


async def _shown(daemon: Daemon, name: str, items: list[Fact]) -> Fact:
    """What the table and the timeline say of these runs."""
    now, ids = time.time(), [each["id"] for each in items]
    metrics = await compare.shown_beside(daemon, name, ids)
    tags = compare.by_run(await runs.rows(daemon, name, "tags", {"run_id": ids}, limit=MOST_TAGS)) if ids else {}
    longest = max((timeline.length(each, now) for each in items), default=0.0)
    return {
        "runs": [
            {
                **each,
                "took": timeline.length(each, now),
                "why": pipelines.why(each),
                "bars": timeline.of_tasks(each, longest, now),
                "metrics": metrics.get(each["id"], {}),
                "tags": tags.get(each["id"], {}),
            }
            for each in items
        ],
        "keys": columns(metrics),
        "line": timeline.of_runs(items, now),
    }


def columns(metrics: dict[int, Fact]) -> list[str]:
    """The keys that most of the runs have, by name. Pure."""
    counted: dict[str, int] = {}
    for each in metrics.values():
        for key in each:
            counted[key] = counted.get(key, 0) + 1
    return sorted(sorted(counted, key=lambda key: (-counted[key], key))[:MOST_METRICS])
