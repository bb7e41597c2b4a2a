"""What nodes show of themselves: bounded, safe, and nobody else's trouble where it fails."""

from __future__ import annotations

import math
from typing import Any

import httpx
import pytest
from web.dashboard import NAME, Dashboard

from anacostia_daemon.web.facts.panels import lines, safe_html
from node_sdk import InvalidValue
from node_sdk.panels import MOST_ROWS, MOST_TEXT, Facts, Markdown, Plot, Table, plain_panel

AT = f"/pipelines/{NAME}/nodes"


def test_a_panel_is_made_of_what_its_node_says(api: httpx.Client) -> None:
    table, plot, text, facts = api.get(f"{AT}/double/panel").json()
    assert table["rows"][0] == ["<b>bold</b>", 1]
    assert plot["series"][0]["points"][:2] == [[0.0, 1.0], [1.0, 0.5]]
    assert facts["values"] == [["one", 1], ["none", None]]
    assert "<strong>strong</strong>" in text["html"]
    for bad in ("<script", 'href="javascript', "<img"):
        assert bad not in text["html"]


def test_stores_and_resources_ship_theirs(api: httpx.Client) -> None:
    states, newest = api.get(f"{AT}/numbers/panel").json()
    assert dict(states["values"])["failed"] >= 1 and newest["columns"][0] == "location"
    [runs] = api.get(f"{AT}/store/panel").json()
    assert dict(runs["values"])["succeeded"] >= 1


def test_a_panel_that_raises_says_why_and_hurts_nobody(api: httpx.Client, dashboard: Dashboard) -> None:
    before = api.get(f"{AT}/check").json()["incarnation"]
    answer = api.get(f"{AT}/check/panel")
    assert answer.status_code == 409
    assert "LookupError: nothing to show, and that is said" in answer.json()["error"]["message"]
    page = httpx.get(f"{dashboard.url}/fragments{AT}/check/panel")
    assert page.status_code == 200 and "nothing to show" in page.text
    assert api.get(f"{AT}/check").json()["incarnation"] == before


def test_a_panel_on_a_page_is_escaped(dashboard: Dashboard) -> None:
    text = httpx.get(f"{dashboard.url}/fragments{AT}/double/panel").text
    assert "&lt;b&gt;bold&lt;/b&gt;" in text and "<polyline" in text and "<script" not in text


@pytest.mark.parametrize(
    "text",
    ["<img src=x onerror=alert(1)>", "[x](data:text/html,y)", "<style>*{}</style>", "<iframe>", "[a](vbscript:x)"],
)
def test_no_markdown_becomes_anything_that_runs_or_loads(text: str) -> None:
    found = safe_html(text)
    for bad in ("<img", "<style", "<iframe", 'href="data', 'href="vb'):
        assert bad not in found


def test_html_in_markdown_is_shown_as_text() -> None:
    assert safe_html("a <b>c</b> & d") == "<p>a &lt;b&gt;c&lt;/b&gt; &amp; d</p>\n"


@pytest.mark.parametrize(
    "panel",
    [
        "<b>html</b>",
        [Facts({})] * 21,
        Table(["a"], [[1]] * (MOST_ROWS + 1)),
        Table(["a", "b"], [[1]]),
        Markdown("x" * (MOST_TEXT + 1)),
        Plot({str(each): [] for each in range(21)}),
    ],
)
def test_what_is_no_panel_or_too_much_is_refused(panel: Any) -> None:
    with pytest.raises(InvalidValue, match="cannot show"):
        plain_panel(panel)


def test_values_that_json_does_not_know_are_words_and_points_without_a_place_are_left_out() -> None:
    [facts, plot] = plain_panel([Facts({"x": math.nan, "big": 2**60}), Plot({"a": [(0, 1), (1, math.inf)]})])
    assert facts["values"] == [["x", "nan"], ["big", str(2**60)]]
    assert plot["series"][0]["points"] == [[0.0, 1.0]]
    assert plain_panel(None) == []


def test_a_flat_line_and_no_line_can_be_drawn() -> None:
    [line] = lines([{"name": "a", "points": [[0, 5], [1, 5]]}])
    assert line["points"] == "0.0,180.0 600.0,180.0"
    assert lines([{"name": "a", "points": []}]) == []
