"""What requests bring along, declared once: the daemon, names in paths, limits of pages. Ids are those of SQL."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Path, Query, Request

from anacostia_daemon.web.facts.daemon import Daemon
from anacostia_daemon.web.live.watch import Watch
from anacostia_daemon.web.settings import Settings

MOST_ID = 2**53  # what JavaScript keeps exactly
_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,127}$"


def the_daemon(request: Request) -> Daemon:
    return cast(Daemon, request.app.state.daemon)


def the_watch(request: Request) -> Watch:
    return cast(Watch, request.app.state.watch)


def the_settings(request: Request) -> Settings:
    return cast(Settings, request.app.state.settings)


def who_asks(request: Request) -> str:
    """For the journal, as the guard has found it out."""
    return str(request.state.by)


By = Annotated[str, Depends(who_asks)]
TheDaemon = Annotated[Daemon, Depends(the_daemon)]
TheWatch = Annotated[Watch, Depends(the_watch)]
TheSettings = Annotated[Settings, Depends(the_settings)]

PipelineName = Annotated[str, Path(alias="pipeline", pattern=_NAME, description="the name of a pipeline")]
NodeName = Annotated[str, Path(alias="node", pattern=_NAME, description="the name of one of its nodes")]
RunId = Annotated[int, Path(alias="run_id", ge=1, le=MOST_ID)]
ArtifactId = Annotated[int, Path(alias="artifact_id", ge=1, le=MOST_ID)]
Before = Annotated[int | None, Query(ge=1, le=MOST_ID, description="only what is older than the one with this id")]
Limit = Annotated[int, Query(ge=1, le=500, description="how many at most")]
Text = Annotated[str | None, Query(max_length=200)]
