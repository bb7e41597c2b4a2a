"""The pages: one module per page with a `router`, listed here in ROUTERS. A page asks `facts`, renders a template, and
names the part of itself (a *fragment*, a template whose name begins with `_`) that is fetched again when an event says
so."""

from __future__ import annotations

from anacostia_daemon.web.pages import artifacts, home, login, metrics, node, panel, pipeline, run, runs

ROUTERS = (
    home.router,
    login.router,
    pipeline.router,
    node.router,
    panel.router,
    runs.router,
    run.router,
    metrics.router,
    artifacts.router,
)
