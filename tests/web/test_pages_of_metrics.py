"""Metrics, artifacts and lineage in a browser at a real daemon. axe-core finds no serious fault on any of these pages,
runs included, light or dark, wide or narrow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from web.axe import faults
from web.dashboard import NAME, Dashboard
from web.test_pages_of_runs import AT, live


def titles(page: Any) -> list[str]:
    return list(page.locator("figure.plot figcaption > span:first-child").all_text_contents())


def test_what_is_plotted_stands_in_the_address(page: Any) -> None:
    live(page, f"{AT}/metrics")
    page.locator("figure.plot canvas").nth(1).wait_for()
    assert titles(page) == ["double", "loss"]
    page.get_by_label("steps", exact=True).check()
    page.get_by_label("double", exact=True).uncheck()
    page.get_by_label("log scale").check()
    page.locator("figure.plot", has_text="double").wait_for(state="detached")
    page.locator("figure.plot[data-points='20']").wait_for()
    assert titles(page) == ["loss"]
    assert "over=steps" in page.url
    assert "log=true" in page.url
    page.reload()
    page.locator("figure.plot[data-points='20'] canvas").wait_for()
    assert titles(page) == ["loss"]
    assert page.get_by_label("log scale").is_checked()


def test_several_metrics_are_drawn_in_one_plot_and_smoothed(page: Any) -> None:
    live(page, f"{AT}/metrics?one=true&smooth=0.5")
    page.locator("figure.plot canvas").wait_for()
    assert titles(page) == ["double, loss"]
    labels = page.locator(".u-legend tr:not(.raw) th").all_text_contents()
    assert labels == ["run", "double", "loss"]


def test_the_values_of_all_series_are_told_where_the_cursor_is(page: Any) -> None:
    live(page, f"{AT}/metrics?run=1&over=steps&key=loss")
    over = page.locator("figure.plot[data-points='20'] .u-over")
    over.wait_for()
    box = over.bounding_box()
    page.mouse.move(box["x"] + 1, box["y"] + box["height"] / 2)
    page.locator(".u-legend .u-value", has_text="1").nth(0).wait_for()
    assert page.locator(".u-legend .u-value").all_text_contents() == ["0", "1"]


def test_a_plot_is_kept_as_csv_and_as_a_picture(page: Any, tmp_path: Path) -> None:
    live(page, f"{AT}/metrics?run=1&over=steps&key=loss")
    page.locator("figure.plot[data-points='20'] canvas").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download loss as CSV").click()
    download.value.save_as(tmp_path / "loss.csv")
    lines = (tmp_path / "loss.csv").read_text().splitlines()
    assert lines[:3] == ["step,run 1", "0,1", "1,0.5"]
    assert len(lines) == 21
    with page.expect_download() as download:
        page.get_by_role("button", name="Download loss as PNG").click()
    download.value.save_as(tmp_path / "loss.png")
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_parallel_coordinates_lead_to_a_run(page: Any, dashboard: Dashboard) -> None:
    before = dashboard.newest_run()
    dashboard.drop("parallel", "30")
    dashboard.run_ended(before + 1)
    live(page, f"{AT}/metrics")
    page.locator(".parallel .name", has_text="double").wait_for()
    assert page.locator(".parallel .name", has_text="method").count() == 0, "it is the same in all runs"
    page.locator(".parallel a[aria-label^='run 1:']").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{AT}/runs/1")


def test_runs_that_are_not_there_are_not_compared_in_silence(page: Any) -> None:
    live(page, f"{AT}/metrics?run=1&run=4711")
    page.get_by_text("Run 4711 cannot be compared: no such run").wait_for()


def test_nonsense_is_said_to_be_such(dashboard: Dashboard) -> None:
    for query in ("over=years", "smooth=2", "run=x", "limit=0"):
        answer = httpx.get(f"{dashboard.url}{AT}/metrics?{query}")
        assert answer.status_code == 422, query
        assert "cannot read the request" in answer.text
    answer = httpx.get(f"{dashboard.url}{AT}/artifacts?state=lost")
    assert answer.status_code == 422
    assert "cannot show artifacts that are" in answer.text


def test_artifacts_are_found_by_resource_and_state(page: Any) -> None:
    live(page, f"{AT}/artifacts")
    page.get_by_label("Resource").select_option("doubles")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**resource=doubles**")
    found = page.locator("tbody tr td:nth-of-type(1)").all_text_contents()
    assert set(found) == {"doubles"}


def test_a_new_artifact_appears_without_reload(page: Any, dashboard: Dashboard) -> None:
    live(page, f"{AT}/artifacts")
    dashboard.drop("appears", "6")
    page.get_by_role("link", name="appears.csv").wait_for()


def made_by_run_1(api: httpx.Client) -> dict[str, Any]:
    [found] = [each for each in api.get(f"{AT}/runs/1").json()["artifacts"] if each["produced_by"]]
    return dict(found)


def test_lineage_leads_from_what_was_made_to_where_it_came_from(page: Any, api: httpx.Client) -> None:
    made = made_by_run_1(api)
    live(page, f"{AT}/artifacts/{made['id']}")
    page.locator(".lineage [aria-current]", has_text="good.csv").wait_for()
    page.locator(".lineage .task", has_text="double").wait_for()
    assert page.locator(".lineage .edge").count() == 2
    page.locator(".preview td", has_text="2.0").wait_for()
    page.locator(".lineage a", has_text="numbers").click()
    page.get_by_role("heading", name="good", exact=True).wait_for()
    page.locator(".lineage [aria-current]", has_text="good").wait_for()


def test_an_artifact_says_what_it_is_and_who_had_it(page: Any, api: httpx.Client) -> None:
    made = made_by_run_1(api)
    live(page, f"{AT}/artifacts/{made['id']}")
    page.get_by_text(made["sha256"]).wait_for()
    facts = page.locator("#artifact .facts").inner_text()
    assert "double in run 1" in facts
    assert "check" in facts


def test_a_failed_artifact_is_released(page: Any, api: httpx.Client, dashboard: Dashboard) -> None:
    [failed, *_] = api.get(f"{AT}/artifacts", params={"state": "failed", "resource": "numbers"}).json()["items"]
    before = dashboard.newest_run()
    live(page, f"{AT}/artifacts/{failed['id']}")
    page.get_by_role("button", name="Release").click()
    page.locator("#confirm-yes").click()
    dashboard.run_ended(before + 1)
    page.get_by_role("link", name=f"run {before + 1}", exact=True).first.wait_for()


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1440), ("light", 390)])
def test_axe_finds_no_serious_fault(browser: Any, dashboard: Dashboard, theme: str, width: int) -> None:
    context = browser.new_context(base_url=dashboard.url, color_scheme=theme, viewport={"width": width, "height": 900})
    page = context.new_page()
    waits = {
        f"{AT}/runs": "table",
        f"{AT}/runs/1": "figure canvas",
        f"{AT}/runs/2": ".traceback",
        f"{AT}/metrics": "figure canvas",
        f"{AT}/artifacts": "table",
        f"{AT}/artifacts/1": ".lineage",
    }
    for path, what in waits.items():
        live(page, path)
        page.locator(what).first.wait_for()
        assert faults(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} sticks out to the side"
    context.close()


def test_a_name_with_letters_of_html_is_shown_as_it_is(page: Any, dashboard: Dashboard) -> None:
    before = dashboard.newest_run()
    dashboard.drop("<b>bold&amp;", "4")
    dashboard.run_ended(before + 1)
    live(page, f"{AT}/runs/{before + 1}")
    page.get_by_role("link", name="numbers/<b>bold&amp;", exact=True).wait_for()
    page.get_by_role("link", name="numbers/<b>bold&amp;", exact=True).click()
    page.locator(".lineage [aria-current]", has_text="<b>bold&amp;").wait_for()
    assert NAME in page.title()
