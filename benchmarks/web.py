"""The dashboard: from a file that arrives to the event of its run, and to the pixel; pages with 1,000,000 runs beside
the same with 1,000; memory of its process with 100 listeners beside that with none.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import importlib.util
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from benchmarks.chain.chain import PIPELINE, Chain
from benchmarks.chain.past import invent
from benchmarks.harness import Daemon, Figure, at_most, daemon, percentile, quick, rounds, take_turns

MANY, FEW = (20_000 if quick() else 1_000_000), 1_000
LONG, SHORT = f"with {MANY:,} runs", f"with {FEW:,} runs"
CROWD = 100
PAUSE = 0.3  # seconds between two files: what came of the one before has been told
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
]
# Tells when the run of each tick was first painted, in milliseconds since 1970.
WATCH = """
window.seen = {};
new MutationObserver(() => requestAnimationFrame(() => {
  for (const each of document.querySelectorAll("[data-key^=run-]"))
    window.seen[each.dataset.key] ??= performance.timeOrigin + performance.now();
})).observe(document.getElementById("pipelines"), {subtree: true, childList: true, attributes: true});
"""


def measure() -> Iterator[Figure]:
    with contextlib.ExitStack() as stack:
        long = stack.enter_context(with_past(MANY))
        short = stack.enter_context(with_past(FEW))
        yield live(short)
        ways: dict[str, Callable[[], list[float]]] = {
            LONG: lambda: pages(long.url),
            SHORT: lambda: pages(short.url),
        }
        figure = Figure(
            "web-runs",
            "a page of 50 runs over the API, its beginning or anywhere",
            "ms",
            take_turns(ways, rounds(20)),
            ours=(LONG,),
            limit=SHORT,
        )
        p50 = figure.summary(LONG).p50
        yield dataclasses.replace(figure, goals=[at_most(f"p50 with {MANY:,} under 150 ms", p50, 150)])
        yield memory(long)


class Dashboard:
    """That of a daemon with a chain of two."""

    def __init__(self, chain: Chain, running: Daemon) -> None:
        self.chain, self.daemon = chain, running
        address = running.home.web_address
        end = time.monotonic() + 30
        while not (address.exists() and answers(address.read_text().strip())):
            assert time.monotonic() < end, "the dashboard does not answer"
            time.sleep(0.05)
        self.url = address.read_text().strip()

    @property
    def process(self) -> psutil.Process:
        home = str(self.daemon.home.path)
        for each in psutil.process_iter(["cmdline"]):
            if (each.info["cmdline"] or [])[-2:] == ["anacostia_daemon.web", home]:
                return each
        raise LookupError("there is no dashboard")


@contextlib.contextmanager
def with_past(runs: int) -> Iterator[Dashboard]:
    """A chain that has had so many runs, and its dashboard."""
    with daemon() as running:
        running.home.path.mkdir(mode=0o700)
        (running.home.path / "anacostia.toml").write_text("[web]\nport = 0\n")
        chain = Chain(running.root, 2)
        try:
            running.start(PIPELINE, running.root, "2")
            chain.trigger()
            time.sleep(0.5)  # that run ends
            running.ctl("stop", "chain")
            invent(chain.folder / "metadata.db", runs)
            running.ctl("start", "chain")
            yield Dashboard(chain, running)
        finally:
            chain.close()


def live(dashboard: Dashboard) -> Figure:
    """From the rename of a file to the event, and to the pixel where there is a browser."""
    rows, missing = {"event": events(dashboard)}, {}
    if CHROMIUM.exists() and importlib.util.find_spec("playwright"):
        rows["pixel"] = pixels(dashboard)
    else:
        missing["pixel"] = "no Chromium, or no playwright, here"
    title = "rename into the folder → the run's event at a listener, its tick on a page"
    seen = percentile(rows["pixel"], 50) if "pixel" in rows else None
    goals = [at_most("a run is seen within 200 ms (p50)", seen, 200)]
    ours = tuple(rows)
    return Figure("web-live", title, "ms", rows, ours=ours, limit=None, goals=goals, missing=missing)


def events(dashboard: Dashboard) -> list[float]:
    stream = listen(dashboard.url)
    heard: list[int] = []

    def follow() -> None:
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            while line := stream.readline():
                if line == b"event: run\n":
                    heard.append(time.monotonic_ns())

    threading.Thread(target=follow, daemon=True).start()
    time.sleep(1)
    found = []
    for _ in range(rounds(40)):
        time.sleep(PAUSE)
        moved = dashboard.chain.drop()
        dashboard.chain.heard()
        end = time.monotonic() + 10
        while not heard or heard[-1] < moved:
            assert time.monotonic() < end, "no event has come"
            time.sleep(0.01)
        found.append((next(each for each in heard if each > moved) - moved) / 1e6)
        time.sleep(PAUSE)
    return found


def pixels(dashboard: Dashboard) -> list[float]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page()
        page.goto(dashboard.url)
        page.get_by_text("live", exact=True).wait_for()
        page.evaluate(WATCH)
        dropped = {}
        for _ in range(rounds(40)):
            time.sleep(PAUSE)
            newest = get(dashboard.url, "/api/v1/pipelines/chain/runs?limit=1")["items"][0]["id"]
            dropped[f"run-{newest + 1}"] = time.time() * 1000
            dashboard.chain.drop()
            dashboard.chain.heard()
        time.sleep(1)
        seen = page.evaluate("window.seen")
        browser.close()
    return [seen[key] - at for key, at in dropped.items()]


def pages(url: str) -> list[float]:
    found = []
    for before in ("", "&before=500000", "&state=failed", "&before=900"):
        began = time.perf_counter()
        get(url, f"/api/v1/pipelines/chain/runs?limit=50{before}")
        found.append((time.perf_counter() - began) * 1000)
    return found


def memory(dashboard: Dashboard) -> Figure:
    """PSS of the process, with nobody who listens and with a crowd, after runs that they heard of."""

    def with_listeners(number: int) -> list[float]:
        crowd = [listen(dashboard.url) for _ in range(number)]
        dashboard.chain.runs(20)
        time.sleep(1)
        found = dashboard.process.memory_full_info().pss / 1024**2
        for each in crowd:
            each.close()
        return [found]

    ways = {f"{CROWD} listeners": lambda: with_listeners(CROWD), "no listener": lambda: with_listeners(0)}
    rows = take_turns(ways, rounds(5))
    return Figure(
        "web-memory",
        "memory of the dashboard's process",
        "MiB",
        rows,
        ours=(f"{CROWD} listeners",),
        limit="no listener",
    )


def listen(url: str) -> Any:
    """The stream of events, from `hello` on."""
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=60)
    connection.request("GET", "/api/v1/events")
    answer = connection.getresponse()
    while answer.readline() != b"event: hello\n":
        pass
    return answer


def get(url: str, path: str) -> Any:
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        return json.load(answer)
    finally:
        connection.close()


def answers(url: str) -> bool:
    with contextlib.suppress(OSError):
        get(url, "/api/v1/pipelines")
        return True
    return False
