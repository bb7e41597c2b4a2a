"""Live changes as server-sent events. The names and what each brings along: see web/live/changes.py."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from anacostia_daemon.web.api.asked import TheWatch
from anacostia_daemon.web.facts.errors import CannotShow
from anacostia_daemon.web.live.hub import Hub, Listener, TooManyListeners

router = APIRouter(tags=["events"])

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
    return StreamingResponse(_stream(watch.hub, listener), media_type="text/event-stream", headers=headers)


async def _stream(hub: Hub, listener: Listener) -> AsyncIterator[bytes]:
    try:
        yield f"retry: {RETRY}\nevent: hello\ndata: {json.dumps({'pipeline': None})}\n\n".encode()
        async for data in listener.stream():
            yield data
    finally:
        hub.leave(listener)
