"""One daemon with its dashboard and a pipeline for all tests of a worker, and a browser. Who harms it makes his own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from integration.daemon_process import Daemon, daemon_of_a_test
from web.dashboard import Dashboard

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "dashboard" in getattr(item, "fixturenames", ()) or "own_dashboard" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def dashboard() -> Iterator[Dashboard]:
    """The dashboard of a daemon with the pipeline of web/pipeline.py, which has one run that succeeded and one that
    failed when the first test begins. Other tests use it, too: add, and do not count on being alone."""
    with serving() as found:
        found.start_pipeline()
        found.drop("good", "1")
        found.run_ended(1)
        found.drop("bad", "no number")
        found.run_ended(2)
        yield found


@pytest.fixture
def own_dashboard() -> Iterator[Dashboard]:
    """A daemon and a dashboard of one's own, with no pipeline yet."""
    with serving() as found:
        yield found


class serving:
    """A daemon with a dashboard on any free port; `configuration` is what [web] holds besides."""

    def __init__(self, configuration: str = "") -> None:
        self._daemon = daemon_of_a_test(f"[web]\nport = 0\n{configuration}")

    def __enter__(self) -> Dashboard:
        daemon: Daemon = self._daemon.__enter__()
        return Dashboard(daemon)

    def __exit__(self, *error: Any) -> None:
        self._daemon.__exit__(*error)


@pytest.fixture
def api(dashboard: Dashboard) -> Iterator[httpx.Client]:
    """A client whose paths begin after /api/v1."""
    with httpx.Client(base_url=f"{dashboard.url}/api/v1", timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright."""
    if not CHROMIUM.exists():
        pytest.skip("no /usr/bin/chromium here; Debian's package chromium has it")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield found
        found.close()


@pytest.fixture
def page(browser: Any, dashboard: Dashboard) -> Iterator[Any]:
    """A window of its own at the dashboard. An error in its console, of the content policy too, fails the test."""
    context = browser.new_context(base_url=dashboard.url, viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    said: list[str] = []
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    opened.set_default_timeout(15_000)
    yield opened
    context.close()
    assert not said, said
