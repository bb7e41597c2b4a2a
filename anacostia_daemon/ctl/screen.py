"""What the output is: a terminal or not, how wide, with colours or not, with lines drawn or only ASCII."""

from __future__ import annotations

import os
import sys

from anacostia_daemon.ctl.table import Cell, Column, Row, render

TYPE_CHECKING = False  # as `typing` has it, whose import takes 3 ms
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

GREEN, YELLOW, RED, DIM, BOLD = "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[2m", "\x1b[1m"

# For names that stand beside each other: readable on black and on white, and none of them says "trouble".
HUES = tuple(f"\x1b[{number}m" for number in (36, 35, 34, 32, 33, 96, 95, 94))

_OF_WORD = {
    "ready": GREEN,
    "succeeded": GREEN,
    "up": "",
    "executing": YELLOW,
    "running": YELLOW,
    "starting": YELLOW,
    "stopping": YELLOW,
    "killing": YELLOW,
    "backoff": YELLOW,
    "paused": YELLOW,
    "failed": RED,
    "error": RED,
    "down": DIM,
    "pending": DIM,
    "skipped": DIM,
    "cancelled": DIM,
    "old": DIM,
}


def is_terminal() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout.isatty()


def coloured() -> bool:
    """Colours are for terminals, and only for people who want them (https://no-color.org)."""
    return is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int | None:
    """Columns of the terminal; None where the output goes elsewhere and nothing is to be cut."""
    if not is_terminal():
        return None
    given = os.environ.get("COLUMNS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except OSError:
        return 80


def height() -> int:
    """Lines of the terminal."""
    given = os.environ.get("LINES", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).lines or 24
    except OSError:
        return 24


def draws_lines() -> bool:
    """Whether stdout can show line-drawing characters."""
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


def word(text: str) -> Cell:
    """A state, phase or wish in its colour."""
    return Cell(text, _OF_WORD.get(text, "") if coloured() else "")


def styled(text: str, style: str) -> str:
    """`text` in a colour, where colours are."""
    return f"{style}{text}\x1b[0m" if style and coloured() else text


def show_table(columns: Sequence[Column], rows: Sequence[Row], nothing: str) -> None:
    """Print a table; where it has no rows, say so with `nothing` on stderr."""
    import click  # `status` goes without

    if not rows:
        click.echo(nothing, err=True)
        return
    for line in render(columns, rows, width()):
        click.echo(line)


def show_json(value: Any) -> None:
    """Print the daemon's answer as it is."""
    import json  # most commands are for people

    import click

    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
