"""Hands each event to every listener. A listener has a queue of bounded length; who does not read in time is dropped,
is told so by the end of his stream, and comes back by himself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

MOST_LISTENERS = 256
MOST_QUEUED = 512  # events that wait for one listener
HEARTBEAT = 15.0  # seconds of silence until a comment is sent


@dataclass(frozen=True)
class Event:
    """Something has changed. `pipeline` is None where it concerns all."""

    name: str
    pipeline: str | None
    facts: dict[str, Any]

    def encoded(self, number: int) -> bytes:
        """As a browser's EventSource reads it."""
        text = json.dumps({"pipeline": self.pipeline, **self.facts}, ensure_ascii=False, separators=(",", ":"))
        return f"id: {number}\nevent: {self.name}\ndata: {text}\n\n".encode()


class TooManyListeners(Exception):
    """There is no room for one more."""


class Hub:
    """Of one process. Not for several threads. `changed` is called when the first listener comes or the last goes."""

    def __init__(self, changed: Callable[[bool], None] = lambda heard: None) -> None:
        self._listeners: set[Listener] = set()
        self._changed = changed
        self._number = 0

    def __len__(self) -> int:
        return len(self._listeners)

    def publish(self, *events: Event) -> None:
        """To everybody who wants them. Each is encoded once."""
        for event in events:
            self._number += 1
            data = event.encoded(self._number)
            for listener in list(self._listeners):
                if not listener.take(event, data):
                    self.leave(listener)

    def listen(self, pipeline: str | None = None) -> Listener:
        """A new listener: of everything, or of one pipeline and what concerns all. Raises TooManyListeners."""
        if len(self._listeners) >= MOST_LISTENERS:
            raise TooManyListeners
        listener = Listener(pipeline)
        self._listeners.add(listener)
        if len(self._listeners) == 1:
            self._changed(True)
        return listener

    def leave(self, listener: Listener) -> None:
        """It listens no more."""
        if listener in self._listeners:
            self._listeners.discard(listener)
            if not self._listeners:
                self._changed(False)


class Listener:
    """One stream. Its end, while the daemon is there, means that it was too slow."""

    def __init__(self, pipeline: str | None) -> None:
        self._pipeline = pipeline
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(MOST_QUEUED)
        self.dropped = False

    def take(self, event: Event, data: bytes) -> bool:
        """Queue an event; False where there is no room, and the listener is to go."""
        if self._pipeline is not None and event.pipeline not in (None, self._pipeline):
            return True
        try:
            self._queue.put_nowait(data)
        except asyncio.QueueFull:
            self.dropped = True
        return not self.dropped

    async def stream(self) -> AsyncIterator[bytes]:
        """What to send: events as they come, a comment after each HEARTBEAT seconds of silence."""
        while not self.dropped:
            try:
                data = await asyncio.wait_for(self._queue.get(), HEARTBEAT)
            except TimeoutError:
                data = b": still here\n\n"
            while not self._queue.empty() and len(data) < 64 * 1024:
                data += self._queue.get_nowait()
            yield data
