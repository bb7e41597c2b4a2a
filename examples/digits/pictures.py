"""Pictures of the dashboard with the finished pipeline, for the documentation.

Wants the extra `web` for the daemon, Playwright (from PyPI, without its browsers) and a Chromium of the system.
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

SIZE = (1440, 900)
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking")
OPENS = 15_000  # milliseconds that a page may take; it takes a few hundred


def missing() -> str:
    """What is needed and not there, in words; empty where pictures can be taken."""
    lacks = [each for each in ("fastapi", "uvicorn", "playwright") if importlib.util.find_spec(each) is None]
    if shutil.which("chromium") is None:
        lacks.append("chromium")
    return ", ".join(lacks)


def take(address: str, folder: Path, pages: dict[str, tuple[str, str]]) -> list[Path]:
    """A picture of each of `pages`, light, and one of the first, dark. A page: name → its path below `address`, and
    what is to be seen on it first, as a selector."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        found = [
            _picture(browser, "light", address + path, drawn, folder / f"{name}.png")
            for name, (path, drawn) in pages.items()
        ]
        name, (path, drawn) = next(iter(pages.items()))
        found.append(_picture(browser, "dark", address + path, drawn, folder / f"{name}-dark.png"))
        browser.close()
    return found


def _picture(browser: Any, theme: str, url: str, drawn: str, file: Path) -> Path:
    page = browser.new_page(
        viewport=dict(zip(("width", "height"), SIZE, strict=True)), color_scheme=theme, reduced_motion="reduce"
    )
    page.goto(url, timeout=OPENS)
    page.wait_for_selector("#connection[data-state='live']", timeout=OPENS)
    page.wait_for_selector(".htmx-request", state="detached", timeout=OPENS)
    page.wait_for_selector(drawn, timeout=OPENS, state="attached")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.screenshot(path=file)
    page.close()
    return file
