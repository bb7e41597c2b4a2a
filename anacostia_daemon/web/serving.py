"""Runs the server and the watch in one event loop. Limits of connections and requests are uvicorn's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from anacostia_daemon.paths import Home
from anacostia_daemon.web.app import create_app
from anacostia_daemon.web.facts.daemon import Daemon
from anacostia_daemon.web.live.watch import Watch
from anacostia_daemon.web.security.peers import OwnUser
from anacostia_daemon.web.settings import Settings

MOST_CONNECTIONS = 512  # at a time; further ones are answered 503
KEEP_ALIVE = 20  # seconds that an idle connection is kept


async def serve(
    home: Home, settings: Settings, listening: socket.socket, follow: Callable[[Callable[[], None]], None]
) -> None:
    """Until the process is told to end. `follow` is given what to call, from any thread, when there is news."""
    daemon = Daemon(home)
    watch = Watch(daemon)
    loop = asyncio.get_running_loop()
    follow(lambda: loop.call_soon_threadsafe(watch.news))  # type: ignore[arg-type]
    watching = asyncio.create_task(watch.run())
    watching.add_done_callback(_must_not_end)
    config = uvicorn.Config(
        create_app(daemon, watch, settings),
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=1,
        proxy_headers=False,
        h11_max_incomplete_event_size=32 * 1024,
        http=H11Protocol if settings.token else OwnUser,
        ws="none",
    )
    await uvicorn.Server(config).serve(sockets=[listening])


def _must_not_end(task: asyncio.Task[None]) -> None:
    """A dashboard that watches nothing shows old facts as new ones: rather end, and be started again."""
    if not task.cancelled():
        raise SystemExit(1) from task.exception()
