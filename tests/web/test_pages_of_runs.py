"""Runs and one run, in a browser at a real daemon: what they show, that they are live, and each action."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from web.dashboard import NAME, Dashboard

AT = f"/pipelines/{NAME}"


@pytest.fixture
def site(dashboard: Dashboard) -> Iterator[httpx.Client]:
    """A client for pages; what it is told is HTML."""
    with httpx.Client(base_url=dashboard.url, timeout=30) as client:
        yield client


def rows(text: str) -> list[int]:
    """The runs of a table, in its order."""
    return [int(each) for each in re.findall(r'<tr data-key="run-(\d+)"', text)]


def live(page: Any, path: str) -> None:
    page.goto(path)
    page.get_by_text("live", exact=True).wait_for()


def test_a_failed_run_says_why_and_shows_its_traceback(page: Any, dashboard: Dashboard) -> None:
    failed = dashboard.newest_run() + 1
    dashboard.drop("no-number", "no number")
    dashboard.run_ended(failed)
    live(page, f"{AT}/runs/{failed}")
    page.locator("#head .why", has_text="double: ValueError: could not convert string to float").wait_for()
    traceback = page.locator(".traceback").first.text_content()
    assert "Traceback (most recent call last)" in traceback
    assert "number = float(text)" in traceback
    page.locator("#log .line", has_text="reading 'no number'").wait_for()
    assert page.locator("#log .line", has_text="reading '1'").count() == 0, "a line of another run"


def test_a_run_shows_what_it_read_made_and_logged(page: Any) -> None:
    live(page, f"{AT}/runs/1")
    page.locator("section[aria-label='Artifacts it read'] .preview pre", has_text="1").wait_for()
    page.locator("section[aria-label='Artifacts it made'] .preview td", has_text="2.0").wait_for()
    assert page.locator("[data-key='metric-double'] dd").text_content() == "2"
    assert page.locator("[data-key='param-double-method'] dd").text_content() == "addition"
    page.locator(".tag", has_text="kind=odd").wait_for()
    assert page.locator("[data-key='task-double'] rect[data-kind='succeeded']").count() == 1
    page.locator("figure[data-curve='loss'][data-points='20'] canvas").wait_for()


def test_the_log_of_a_run_is_filtered_by_node_level_and_words(page: Any, dashboard: Dashboard) -> None:
    before = dashboard.newest_run()  # of its own: other tests fill the log, and only its last MiB are looked through
    dashboard.drop("to-be-logged", "1")
    dashboard.daemon.until(lambda: dashboard.newest_run() > before, "a run begins")
    dashboard.run_ended(before + 1)
    live(page, f"{AT}/runs/{before + 1}")
    page.locator("#log .line", has_text="checked").first.wait_for()
    page.get_by_label("Level").select_option("WARNING")
    page.locator("#log .line", has_text="checked").first.wait_for(state="detached")
    page.locator("#log .line", has_text="the double is 2.0").wait_for()
    page.get_by_label("Search").fill("no such words")
    page.get_by_text("No such line.").wait_for()


def test_a_run_is_live_while_it_runs_and_can_be_cancelled(page: Any, dashboard: Dashboard) -> None:
    before = dashboard.newest_run()
    dashboard.drop("to-cancel", "endless")
    dashboard.daemon.until(lambda: dashboard.newest_run() > before, "a run begins")
    live(page, f"{AT}/runs/{before + 1}")
    page.get_by_text("double executes").wait_for()
    page.get_by_role("button", name="Cancel").first.click()
    page.locator("#confirm-yes").click()
    page.locator("#head [data-phase='cancelled']").wait_for()
    assert dashboard.run_ended(before + 1)["state"] == "cancelled"
    page.locator("#head").get_by_role("button", name="Retry", exact=True).wait_for()


def test_what_a_run_makes_appears_while_it_is_looked_at(page: Any, dashboard: Dashboard) -> None:
    before = dashboard.newest_run()
    dashboard.drop("seen", "slow21")
    dashboard.daemon.until(lambda: dashboard.newest_run() > before, "a run begins")
    live(page, f"{AT}/runs/{before + 1}")
    page.locator("#head [data-phase='succeeded']").wait_for()
    page.locator("section[aria-label='Artifacts it made'] .preview td", has_text="42.0").wait_for()
    page.locator("figure[data-curve='loss'][data-points='20'] canvas").wait_for()
    page.locator("#log .line", has_text="the double is 42.0").wait_for()
    assert page.locator("a[rel='next']").count() == 0
    page.locator("a[rel='prev']").click()
    page.wait_for_url(f"**{AT}/runs/{before}")


def test_what_the_reader_has_closed_or_typed_stays_when_the_page_is_brought_up_to_date(
    page: Any, dashboard: Dashboard
) -> None:
    live(page, f"{AT}/runs/2")
    page.locator(".errors summary").first.click()
    page.get_by_label("Tag to add").fill("half-typed")
    before = dashboard.newest_run()
    with page.expect_response(lambda answer: answer.url.endswith(f"/fragments{AT}/runs/2")):
        dashboard.drop("elsewhere", "1")
    dashboard.run_ended(before + 1)
    page.evaluate("document.body.dispatchEvent(new CustomEvent('again'))")
    page.locator("body:not(:has(.htmx-request))").wait_for()
    assert not page.locator(".traceback").first.is_visible()
    assert page.get_by_label("Tag to add").input_value() == "half-typed"


def test_a_failed_run_is_retried_as_a_whole_and_from_one_node(
    page: Any, dashboard: Dashboard, api: httpx.Client
) -> None:
    def retries() -> list[str | None]:
        return [each["from_node"] for each in api.get(f"{AT}/runs/2").json()["retries"]]

    known = retries()
    live(page, f"{AT}/runs/2")
    page.locator("#head").get_by_role("button", name="Retry", exact=True).click()
    dashboard.daemon.until(lambda: retries() == [*known, None], "it is retried")
    dashboard.run_ended(2)
    page.get_by_role("button", name="Retry from double").click()
    page.locator("#confirm-yes").click()
    dashboard.daemon.until(lambda: retries() == [*known, None, "double"], "it is retried from double")
    assert dashboard.run_ended(2)["state"] == "failed"


def test_tags_of_a_run_are_given_and_taken_away(page: Any, api: httpx.Client) -> None:
    live(page, f"{AT}/runs/2")
    page.get_by_label("Tag to add").fill("reviewed")
    page.get_by_label("Its value").fill("true")
    page.get_by_role("button", name="Add").click()
    page.locator(".tag", has_text="reviewed=true").wait_for()
    assert {"reviewed": True}.items() <= {
        each["key"]: each["value"] for each in api.get(f"{AT}/runs/2").json()["tags"]
    }.items()
    page.get_by_role("button", name="Remove tag reviewed").click()
    page.locator(".tag", has_text="reviewed=true").wait_for(state="detached")


def test_a_new_run_appears_on_top_without_reload_and_what_was_chosen_stays(page: Any, dashboard: Dashboard) -> None:
    live(page, f"{AT}/runs?limit=500")  # other tests have made many, too
    page.get_by_label("Choose run 1", exact=True).check()
    before = dashboard.newest_run()
    dashboard.drop("on-top", "5")
    page.locator(f"tbody tr:first-child[data-key='run-{before + 1}'] [data-phase='succeeded']").wait_for()
    page.locator(f".timeline [data-key='bar-{before + 1}']").wait_for()
    assert page.get_by_label("Choose run 1", exact=True).is_checked()


def test_chosen_runs_are_compared(page: Any, dashboard: Dashboard) -> None:
    other = dashboard.newest_run() + 1
    dashboard.drop("to-compare", "8")
    dashboard.run_ended(other)
    live(page, f"{AT}/runs?limit=500")  # other tests have made many, too
    assert page.locator("#compare").is_disabled()
    page.get_by_label("Choose run 1", exact=True).check()
    page.get_by_label(f"Choose run {other}", exact=True).check()
    page.locator("#compare").click()
    page.locator("figure.plot[data-points='20'] canvas").wait_for()
    page.get_by_text("Chosen runs beside each other").wait_for()
    assert page.locator("[data-key='metrics-double'] td").all_text_contents() == ["2", "16"]
    assert page.locator("[data-key='params-method'].same").count() == 1


@pytest.mark.parametrize(
    ("query", "inside", "outside"),
    [
        ({"state": "failed"}, 2, 1),
        ({"metric": "double < 3"}, 1, 2),
        ({"metric": "loss"}, 1, 2),
        ({"tag": "kind=odd"}, 1, 2),
        ({"until": "2020-01-01T00:00"}, None, 1),
        ({"since": "2020-01-01T00:00", "state": ""}, 1, None),
    ],
)
def test_filters_stand_in_the_address(
    site: httpx.Client, query: dict[str, str], inside: int | None, outside: int | None
) -> None:
    answer = site.get(f"{AT}/runs", params={**query, "limit": 500})
    assert answer.status_code == 200
    found = rows(answer.text)
    assert inside is None or inside in found
    assert outside not in found


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"metric": "loss < x"}, "cannot filter by metric"),
        ({"state": "lost"}, "cannot show runs that are"),
        ({"since": "yesterday"}, "cannot look for runs at"),
        ({"before": "-1"}, "cannot read the request"),
        ({"limit": "many"}, "cannot read the request"),
    ],
)
def test_a_nonsense_filter_is_said_to_be_one(site: httpx.Client, query: dict[str, str], words: str) -> None:
    answer = site.get(f"{AT}/runs", params=query)
    assert answer.status_code == 422
    assert words in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        f"{AT}/runs/4711",
        f"{AT}/artifacts/4711",
        "/pipelines/nobody/runs",
        "/pipelines/nobody/runs?metric=loss<x",
        "/pipelines/nobody/metrics",
        "/pipelines/nobody/artifacts",
    ],
)
def test_what_is_unknown_has_a_page_that_says_so(site: httpx.Client, path: str) -> None:
    answer = site.get(path)
    assert answer.status_code == 404
    assert "This cannot be shown" in answer.text
    assert "no such" in answer.text


def test_pages_join_without_a_gap_and_keep_the_filters(site: httpx.Client, dashboard: Dashboard) -> None:
    newest = dashboard.newest_run()
    path, found = f"{AT}/runs?limit=1&since=2020-01-01T00:00", []
    while path:
        text = site.get(path).text
        found += rows(text)
        older = re.search(r'rel="next" href="(\?[^"]*)">Older', text)
        assert older is None or "since=2020" in older[1]
        path = f"{AT}/runs{older[1].replace('&amp;', '&')}" if older else ""
    assert [each for each in found if each <= newest] == list(range(newest, 0, -1))
