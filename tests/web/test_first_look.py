"""The dashboard of a real daemon: every part of the API answers, and the first page is live."""

from __future__ import annotations

import os
import re
import signal
from typing import Any

import httpx
import pytest
from web.dashboard import NAME, Dashboard

OF_PIPELINE = (
    "",
    "/graph",
    "/nodes",
    "/nodes/double",
    "/nodes/double/incarnations",
    "/nodes/double/usage",
    "/nodes/double/logs",
    "/journal",
    "/runs",
    "/runs/1",
    "/runs/1/logs",
    "/metrics",
    "/metrics/series",
    "/compare",
    "/artifacts",
    "/artifacts/1",
    "/artifacts/1/lineage",
    "/artifacts/1/preview",
    "/artifacts/1/content",
)


@pytest.mark.parametrize("path", OF_PIPELINE)
def test_what_there_is_can_be_asked_for(api: httpx.Client, path: str) -> None:
    answer = api.get(f"/pipelines/{NAME}{path}")
    assert answer.status_code == 200, answer.text


def test_the_overview_says_what_failed_and_why(api: httpx.Client) -> None:
    [pipeline] = api.get("/pipelines").json()["pipelines"]
    assert pipeline["phase"] == "ready"
    assert {each["state"] for each in pipeline["recent"]} >= {"succeeded", "failed"}
    if pipeline["recent"][0]["state"] == "failed":
        # No number was dropped, or another test has triggered a run with nothing.
        assert re.match(
            "double: (ValueError: could not convert|IndexError: list index)", pipeline["attention"][0]["reason"]
        )


def test_a_file_that_is_dropped_appears_as_a_run_without_reload(page: Any, dashboard: Dashboard) -> None:
    page.goto("/")
    page.get_by_text("live", exact=True).wait_for()
    before = dashboard.newest_run()
    dashboard.drop("fresh", "21")
    page.locator(f'[data-key="run-{before + 1}"] [data-state="succeeded"]').wait_for()


def test_a_node_that_is_killed_is_seen_to_come_back(page: Any, dashboard: Dashboard) -> None:
    page.goto("/")
    page.get_by_text("live", exact=True).wait_for()
    page.get_by_text("5 ready").wait_for()
    page.evaluate("document.body.addEventListener('live:phase', (e) => (window.seen ??= []).push(e.detail?.to))")
    os.kill(dashboard.daemon.pids(NAME)["check"], signal.SIGKILL)
    # Not page.wait_for_function: the content policy forbids what it does.
    dashboard.daemon.until(lambda: page.evaluate("window.seen ?? []")[-2:] == ["starting", "ready"], "it comes back")
    page.get_by_text("5 ready").wait_for()
