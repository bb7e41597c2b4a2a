"""Live changes as server-sent events. The names and what each brings along: see web/live/changes.py."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from anacostia_daemon.web.api.asked import TheWatch
from anacostia_daemon.web.facts.errors import CannotShow
from anacostia_daemon.web.live.hub import Listener, TooManyListeners
from anacostia_daemon.web.live.watch import Watch

router = APIRouter(tags=["events"])

PATIENCE = 5.0  # seconds for a first look; then a daemon is busy, and the stream begins all the same
RETRY = 1000  # milliseconds after which a browser whose stream has ended comes back


@router.get("/events", response_class=StreamingResponse)
async def events(watch: TheWatch, pipeline: Annotated[str | None, Query(max_length=128)] = None) -> StreamingResponse:
    """A stream of `text/event-stream`: `hello` first, then `journal`, `phase`, `run`, `task`, `signal`,
    `artifacts`, `pipelines`."""
    try:
        listener = watch.hub.listen(pipeline or None)
    except TooManyListeners:
        raise CannotShow("busy", f"cannot listen: {len(watch.hub)} others do already; try again later") from None
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(watch, listener), media_type="text/event-stream", headers=headers)


async def _stream(watch: Watch, listener: Listener) -> AsyncIterator[bytes]:
    """`hello` says that from here on every change is told: who asks after it what is so, misses nothing."""
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(watch.looked.wait(), PATIENCE)
        yield f"retry: {RETRY}\nevent: hello\ndata: {json.dumps({'pipeline': None})}\n\n".encode()
        async for data in listener.stream():
            yield data
    finally:
        watch.hub.leave(listener)
