"""The panel of a node: data that its own code has made, checked once more, and its markdown as HTML that is safe."""

from __future__ import annotations

from typing import Any

import nh3
from markdown_it import MarkdownIt

from anacostia_daemon.web.facts.daemon import Daemon

Fact = dict[str, Any]

KINDS = ("table", "plot", "markdown", "facts")
WIDTH, HEIGHT = 600.0, 180.0  # of a plot, in its own units
_TAGS = {
    *("a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre"),
    *("strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


async def panel(daemon: Daemon, pipeline: str, node: str) -> list[Fact]:
    """Its parts, in order; empty where the node shows none."""
    found = await daemon.ask_slowly("panel", pipeline=pipeline, node=node)
    return [shown(part) for part in found if part.get("kind") in KINDS]


def shown(part: Fact) -> Fact:
    """A part as pages need it: markdown with `html`, a plot with `lines`. Pure."""
    if part["kind"] == "markdown":
        return {**part, "html": safe_html(part["text"])}
    return {**part, "lines": lines(part["series"])} if part["kind"] == "plot" else part


def safe_html(text: str) -> str:
    """Markdown as HTML with nothing in it that runs, loads or pretends to be ours."""
    made = _MARKDOWN.render(text)
    return nh3.clean(
        made,
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    )


def lines(series: list[Fact]) -> list[Fact]:
    """Each series as the points of an SVG polyline. Pure."""
    every = [point for each in series for point in each["points"]]
    if not every:
        return []
    left, right = min(x for x, _ in every), max(x for x, _ in every)
    low, high = min(y for _, y in every), max(y for _, y in every)
    across, up = WIDTH / ((right - left) or 1.0), HEIGHT / ((high - low) or 1.0)
    return [
        {
            "name": each["name"],
            "points": " ".join(f"{(x - left) * across:.1f},{HEIGHT - (y - low) * up:.1f}" for x, y in each["points"]),
            "low": low,
            "high": high,
        }
        for each in series
    ]
