"""What browsers get: nothing from the network, what others wrote unchanged and with its licence, readable colours."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

import anacostia_daemon.web
from anacostia_daemon.web.pages import ROUTERS
from anacostia_daemon.web.vendor import PACKAGES, VENDOR, VERSIONS, digest

WEB = Path(anacostia_daemon.web.__file__).parent
OURS = sorted(
    each
    for each in (*WEB.glob("templates/**/*.html"), *WEB.glob("static/**/*.css"), *WEB.glob("static/**/*.js"))
    if VENDOR not in each.parents
)
TOKENS = (WEB / "static/css/tokens.css").read_text()
TONES = ("good", "busy", "warn", "bad", "rest")
PAIRS = (
    *((text, behind) for text in ("text", "muted", "link") for behind in ("paper", "surface", "raised")),
    *((tone, behind) for tone in TONES for behind in (f"{tone}-soft", "surface", "paper")),
    *(("text", f"{tone}-soft") for tone in TONES),
    *((f"series-{number}", "surface") for number in range(1, 7)),
    ("on-accent", "accent"),
)


def test_what_others_wrote_is_what_was_fetched_and_has_its_licence() -> None:
    versions = {each["name"]: each for each in json.loads(VERSIONS.read_text())}
    assert {name: each["version"] for name, each in versions.items()} == {each.name: each.version for each in PACKAGES}
    known = {name: sha for each in versions.values() for name, sha in each["sha256"].items()}
    assert {each.name for each in VENDOR.iterdir()} == {*known, VERSIONS.name}
    assert {name: digest(VENDOR / name) for name in known} == known
    assert all(each["license"] in ("MIT", "0BSD", "ISC", "BSD-3-Clause") for each in versions.values())


def test_no_two_pages_or_fragments_have_one_address() -> None:
    addresses = sorted(
        (each.path, *sorted(each.methods)) for router in ROUTERS for each in router.routes if isinstance(each, APIRoute)
    )
    assert addresses == sorted(set(addresses))


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.name)
def test_nothing_is_loaded_from_elsewhere_and_nothing_stands_inline(file: Path) -> None:
    text = file.read_text()
    addresses = set(re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]{2,}[^\s\"')]*", text))
    assert not {each for each in addresses if "www.w3.org" not in each}
    if file.suffix == ".html":
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|\shx-on|javascript:", text)
    if file.suffix == ".js":
        assert not re.search(r"\beval\(|new Function|innerHTML|insertAdjacentHTML|document\.write", text)


def colours(selector: str) -> dict[str, str]:
    """The colours that hold under a selector, over those of the light theme."""
    blocks = re.findall(r":root(\[data-theme=\"\w+\"\])? \{(.*?)\}", TOKENS, re.DOTALL)
    found: dict[str, str] = {}
    for name, block in blocks:
        if name in ("", selector):
            found.update(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    return found


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["", '[data-theme="dark"]', '[data-theme="auto"]'])
def test_every_text_can_be_read_on_what_is_behind_it(theme: str) -> None:
    known = colours(theme)
    poor = {pair: round(contrast(known[pair[0]], known[pair[1]]), 2) for pair in PAIRS}
    assert {pair: found for pair, found in poor.items() if found < 4.5} == {}


def test_dark_is_the_same_whoever_wants_it() -> None:
    assert colours('[data-theme="dark"]') == colours('[data-theme="auto"]') != colours("")
