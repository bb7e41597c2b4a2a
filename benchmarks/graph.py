"""The page of a pipeline in a browser: from the request to its graph on the screen, for 100 and 1,000 nodes, each of
them a process at rest.
"""

from __future__ import annotations

import contextlib
import importlib.util
import time
from collections.abc import Iterator

from benchmarks.harness import Figure, at_most, daemon, percentile, quick, rounds
from benchmarks.pipelines import tangle
from benchmarks.web import CHROMIUM, FLAGS, answers

SIZES = (100, 200) if quick() else (100, 1000)
GOAL = 2000  # ms
# Notes when the last node was painted, in milliseconds after the page was asked for.
WATCH = """
new MutationObserver((changes) => {
  if (changes.some((each) => [...each.addedNodes].some((node) => node.classList?.contains("node")
      || node.querySelector?.("svg .node"))))
    requestAnimationFrame(() => requestAnimationFrame(() => { window.drawn = performance.now(); }));
}).observe(document, {subtree: true, childList: true});
"""


def measure() -> Iterator[Figure]:
    title = "the page of a pipeline: asked for → its graph is drawn"
    missing, rows, shown = {}, {}, []
    if CHROMIUM.exists() and importlib.util.find_spec("playwright"):
        for size in SIZES:
            rows[f"{size:,} nodes"], items = drawn(size)
            shown.append(f"{size:,} nodes: {items} items")
    else:
        missing = {f"{size:,} nodes": "no Chromium, or no playwright, here" for size in SIZES}
    most = rows.get(f"{SIZES[-1]:,} nodes")
    goals = [at_most(f"{SIZES[-1]:,} nodes in 2 s (p50)", percentile(most, 50) if most else None, GOAL)]
    notes = [f"drawn, as nodes that are alike are one item: {', '.join(shown)}"] if shown else []
    yield Figure(
        "web-graph", title, "ms", rows, ours=tuple(rows), limit=None, goals=goals, missing=missing, notes=notes
    )


def drawn(size: int) -> tuple[list[float], int]:
    """How long each page took, and how many items it drew."""
    from playwright.sync_api import sync_playwright

    with daemon() as running:
        running.home.path.mkdir(mode=0o700)
        (running.home.path / "anacostia.toml").write_text("[web]\nport = 0\n")
        running.start(tangle("tangle", size, 20), running.root)
        address = running.home.web_address
        end = time.monotonic() + 30
        while not (address.exists() and answers(address.read_text().strip())):
            assert time.monotonic() < end, "the dashboard does not answer"
            time.sleep(0.05)
        url, found, items = address.read_text().strip(), [], 0
        with (
            sync_playwright() as driver,
            contextlib.closing(driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)) as browser,
        ):
            for _ in range(rounds(10)):
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                page.add_init_script(WATCH)
                page.goto(f"{url}/pipelines/tangle")
                page.get_by_text("live", exact=True).wait_for()
                page.wait_for_selector("svg .node", state="attached")
                time.sleep(2)  # what comes late counts
                found.append(page.evaluate("window.drawn"))
                items = page.locator("svg .node").count()
                page.close()
        return found, items
