"""Looks when the daemon says that there is news, and tells the hub what has changed since the last look. While nobody
listens it does not look, but for the use of CPU and memory, now and then."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from anacostia_daemon.companions.story import MOST_PAGES, PAGE
from anacostia_daemon.companions.tether import now
from anacostia_daemon.control.client import ControlFailure
from anacostia_daemon.web.facts.daemon import Daemon
from anacostia_daemon.web.facts.pipelines import store_is_ready
from anacostia_daemon.web.facts.runs import rows
from anacostia_daemon.web.facts.usage import OFTEN, SELDOM, Usage
from anacostia_daemon.web.live import changes
from anacostia_daemon.web.live.hub import Event, Hub

Fact = dict[str, Any]

REST = 0.05  # seconds between two looks at least: a busy daemon says that there is news very often
AGAIN = 1.0  # seconds until a daemon that could not answer is asked again
RECENT = 20  # runs of a pipeline that are compared


class Watch:
    """Of one process. `news` is called for each word of the daemon."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.hub = Hub(self._heard)
        self.usage = Usage()
        self.looked = asyncio.Event()  # from here on every change is told
        self._news, self._audience = asyncio.Event(), asyncio.Event()
        self._line: int | None = None  # the last one of the journal that was read
        self._status: Fact | None = None
        self._runs: dict[str, dict[int, Fact]] = {}
        self._artifacts: dict[str, int] = {}  # the newest of each pipeline

    def news(self) -> None:
        self._news.set()

    async def run(self) -> None:
        """For ever."""
        await asyncio.gather(self._follow(), self._sample())

    def _heard(self, heard: bool) -> None:
        if heard:
            self._line, self._status, self._runs, self._artifacts = (
                None,
                None,
                {},
                {},
            )  # what was missed, nobody waits for
            self.looked.clear()
            self._audience.set()
            self._news.set()
        else:
            self._audience.clear()

    async def _follow(self) -> None:
        while True:
            await self._audience.wait()
            await self._news.wait()
            self._news.clear()
            try:
                await self._look()
                self.looked.set()
            except ControlFailure:  # busy, or a store that has just gone: what has changed is yet to be told
                await asyncio.sleep(AGAIN)
                self._news.set()
            await asyncio.sleep(REST)

    async def _look(self) -> None:
        self.hub.publish(*changes.of_journal(await self._lines()))
        status = await self._daemon.ask("status")
        self.hub.publish(*changes.of_status(self._status, status))
        self._status = status
        await asyncio.gather(*(self._look_at(each) for each in status["pipelines"] if store_is_ready(each)))

    async def _lines(self) -> list[Fact]:
        if self._line is None:
            newest = await self._daemon.ask("journal", limit=1)
            self._line = newest[-1]["id"] if newest else 0
            return []
        found: list[Fact] = []
        for _ in range(MOST_PAGES):
            page = await self._daemon.ask("journal", after=self._line, limit=PAGE)
            found += page
            if page:
                self._line = page[-1]["id"]
            if len(page) < PAGE:
                break
        return found

    async def _look_at(self, pipeline: Fact) -> None:
        name = pipeline["name"]
        known = self._runs.get(name)
        found = {
            each["id"]: each for each in await rows(self._daemon, name, "runs", {}, newest_first=True, limit=RECENT)
        }
        open_before = [
            run_id for run_id, run in (known or {}).items() if run["state"] == "running" and run_id not in found
        ]
        if open_before:
            found |= {each["id"]: each for each in await rows(self._daemon, name, "runs", {"id": open_before[:RECENT]})}
        newest_artifact = await rows(self._daemon, name, "artifacts", {}, newest_first=True, limit=1)
        artifact = newest_artifact[0]["id"] if newest_artifact else 0
        if artifact != self._artifacts.get(name, artifact):
            self.hub.publish(Event("artifacts", name, {"newest": artifact}))
        self._artifacts[name] = artifact
        if known is not None:
            predecessors = {each["name"]: each["predecessors"] for each in pipeline["nodes"]}
            self.hub.publish(*changes.of_runs(name, known, found, predecessors))
        self._runs[name] = found

    async def _sample(self) -> None:
        while True:
            with contextlib.suppress(ControlFailure):
                self.usage.see(await self._daemon.ask("status"), now())
            with contextlib.suppress(TimeoutError):
                if self._audience.is_set():
                    await asyncio.sleep(OFTEN)
                else:
                    await asyncio.wait_for(self._audience.wait(), SELDOM)
