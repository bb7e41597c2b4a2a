"""Templates and what they may call. Everything is escaped, but HTML that facts/panels.py has cleaned."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse

from anacostia_daemon import __version__
from anacostia_daemon.web.settings import Settings

HERE = Path(__file__).parents[1]
STATIC = HERE / "static"

THEMES = ("auto", "light", "dark")


@dataclass(frozen=True)
class Crumb:
    """One step of the way to a page; the last one has no address."""

    text: str
    href: str | None = None


class Pages:
    """Renders the templates."""

    def __init__(self, settings: Settings) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(
            version=__version__,
            read_only=settings.read_only,
            open_network=not settings.is_loopback,
            asks_token=settings.token is not None,
        )
        self._environment.filters.update(ago=ago, duration=duration, size=size, clock=clock, as_data=as_data)
        self._environment.filters.update(number=number, value=value)

    def page(
        self,
        request: Request,
        template: str,
        *,
        title: str,
        crumbs: tuple[Crumb, ...] = (),
        status: int = 200,
        **facts: Any,
    ) -> HTMLResponse:
        """A page, or a fragment where the template is one. `title` is of the window."""
        theme = request.cookies.get("theme", "auto")
        text = self._environment.get_template(template).render(
            request=request,
            title=title,
            crumbs=crumbs,
            theme=theme if theme in THEMES else "auto",
            path=request.url.path,
            **facts,
        )
        return HTMLResponse(text, status)

    def error(self, request: Request, status: int, message: str, hint: str) -> HTMLResponse:
        """A page that says what cannot be shown."""
        crumbs = (Crumb("Pipelines", "/"), Crumb("Not shown"))
        return self.page(
            request, "error.html", title="Not shown", crumbs=crumbs, status=status, message=message, hint=hint
        )


def pages(request: Request) -> Pages:
    """The renderer of this application."""
    found: Pages = request.app.state.pages
    return found


def ago(at: str | None, now: datetime | None = None) -> str:
    """How long ago a moment was: '3 min ago'. Pages keep it true in the browser, in these words (shell.js)."""
    if not at:
        return "never"
    seconds = max(0, int(((now or datetime.now(UTC)) - datetime.fromisoformat(at)).total_seconds()))
    if seconds < 3600:
        return f"{seconds} s ago" if seconds < 60 else f"{seconds // 60} min ago"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min ago" if seconds < 86400 else f"{seconds // 86400} d ago"


def duration(seconds: float | None) -> str:
    """Seconds in two units at most: 40 ms, 0.25 s, 14 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    if seconds is None:
        return "–"
    if 0 < seconds < 0.1:
        return f"{max(1, round(seconds * 1000))} ms"
    if seconds < 10:
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + " s"
    whole = round(seconds)
    for one, other, length in (("d", "h", 86400), ("h", "min", 3600), ("min", "s", 60)):
        if whole >= length:
            rest = (whole % length) * {"h": 24, "min": 60, "s": 60}[other] // length
            return f"{whole // length} {one}" + (f" {rest} {other}" if rest else "")
    return f"{whole} s"


def size(number: float | None) -> str:
    """Bytes as people read them: 512 B, 1.4 KiB, 25 MiB."""
    if number is None:
        return "–"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" or number >= 10 else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def clock(at: str | None) -> str:
    """A moment as text without the letters: 2026-11-23 17:04:05."""
    return "–" if not at else at[:19].replace("T", " ")


def as_data(facts: Mapping[str, Any] | list[Any]) -> str:
    """Facts for a `data-…` attribute, which a script reads as JSON; escaped like any text."""
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":"))


def number(found: float) -> str:
    """A number as people compare them: 0.9763, 12,345, 1.2e-07."""
    if math.isfinite(found) and abs(found) < 1e15 and found == int(found):
        return f"{int(found):,}"
    return f"{found:.4g}" if not 10_000 <= abs(found) < 1e9 else f"{found:,.1f}"


def value(found: Any) -> str:
    """The value of a parameter or a tag: text as it is, numbers as above, all else as JSON."""
    if isinstance(found, str):
        return found
    if isinstance(found, int | float) and not isinstance(found, bool):
        return number(found)
    return json.dumps(found, ensure_ascii=False)
