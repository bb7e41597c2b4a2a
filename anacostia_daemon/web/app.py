"""Puts the dashboard together: API, pages, static files, errors, guards. Serves nothing by itself."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from anacostia_daemon import __version__
from anacostia_daemon.web.api import actions, artifacts, events, failures, models, pipelines, runs
from anacostia_daemon.web.facts.daemon import Daemon
from anacostia_daemon.web.live.watch import Watch
from anacostia_daemon.web.pages import ROUTERS
from anacostia_daemon.web.pages.rendering import STATIC, Pages
from anacostia_daemon.web.security.guard import Guarded
from anacostia_daemon.web.settings import Settings

API = "/api/v1"
_FAILURES = {"4XX": {"model": models.Failure}, "5XX": {"model": models.Failure}}


def create_app(daemon: Daemon, watch: Watch, settings: Settings) -> ASGIApp:
    """The application for this daemon."""
    app = FastAPI(
        title="Anacostia",
        version=__version__,
        description="Pipelines, runs, metrics and artifacts of one daemon, live.",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        openapi_url=f"{API}/openapi.json",
    )
    app.state.daemon, app.state.watch, app.state.settings = daemon, watch, settings
    app.state.pages = Pages(settings)
    failures.install(app)
    api = APIRouter(prefix=API, responses=_FAILURES)  # type: ignore[arg-type]
    for each in (pipelines, runs, artifacts, events, actions):
        api.include_router(each.router)
    app.include_router(api)
    for router in ROUTERS:
        app.include_router(router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    def refuse(request: Request, code: str, message: str, hint: str) -> Response:
        request.scope["app"] = app
        return failures.failure(request, code, message, hint)

    return Guarded(app, settings, refuse)
