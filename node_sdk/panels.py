"""What a node shows of itself in the dashboard, as data: tables, plots, markdown, facts. Never HTML: how it looks is
not the node's to say. Bounded, so that no panel is too much for whoever looks at it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from node_sdk.errors import InvalidValue

MOST_PARTS = 20
MOST_ROWS, MOST_COLUMNS = 1_000, 50
MOST_SERIES, MOST_POINTS = 20, 5_000
MOST_TEXT = 100_000  # characters of one markdown text
MOST_CELL = 1_000  # characters of one cell, name or title

Cell = str | int | float | bool | None


@dataclass(frozen=True)
class Table:
    """Rows of cells under the names of columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    title: str = ""

    def plain(self) -> dict[str, Any]:
        """Plain data; InvalidValue where it is too large, or a row has another length."""
        _at_most(len(self.columns), MOST_COLUMNS, "columns of a table")
        _at_most(len(self.rows), MOST_ROWS, "rows of a table")
        if any(len(row) != len(self.columns) for row in self.rows):
            raise InvalidValue(f"cannot show table {self.title!r}: each row is to have {len(self.columns)} cells")
        rows = [[_cell(each) for each in row] for row in self.rows]
        return {"kind": "table", "title": _text(self.title), "columns": list(map(_text, self.columns)), "rows": rows}


@dataclass(frozen=True)
class Plot:
    """Lines by name, each of points (x, y)."""

    series: Mapping[str, Sequence[tuple[float, float]]]
    title: str = ""
    x: str = ""
    y: str = ""

    def plain(self) -> dict[str, Any]:
        """Plain data; InvalidValue where it is too large. Points that are no finite numbers are left out."""
        _at_most(len(self.series), MOST_SERIES, "series of a plot")
        for points in self.series.values():
            _at_most(len(points), MOST_POINTS, "points of a series")
        return {
            "kind": "plot",
            "title": _text(self.title),
            "x": _text(self.x),
            "y": _text(self.y),
            "series": [{"name": _text(name), "points": _points(points)} for name, points in self.series.items()],
        }


@dataclass(frozen=True)
class Markdown:
    """Text in CommonMark. HTML in it is shown as text."""

    text: str
    title: str = ""

    def plain(self) -> dict[str, Any]:
        """Plain data; InvalidValue where it is too long."""
        _at_most(len(self.text), MOST_TEXT, "characters of a text")
        return {"kind": "markdown", "title": _text(self.title), "text": self.text}


@dataclass(frozen=True)
class Facts:
    """Names and what they are."""

    values: Mapping[str, Cell]
    title: str = ""

    def plain(self) -> dict[str, Any]:
        """Plain data; InvalidValue where there are too many."""
        _at_most(len(self.values), MOST_ROWS, "facts")
        values = [[_text(name), _cell(value)] for name, value in self.values.items()]
        return {"kind": "facts", "title": _text(self.title), "values": values}


Part = Table | Plot | Markdown | Facts


def plain_panel(panel: object) -> list[dict[str, Any]]:
    """What `panel()` has returned, as plain data: a part, several, or None for nothing. InvalidValue for the rest."""
    parts = [] if panel is None else list(panel) if isinstance(panel, (list, tuple)) else [panel]
    _at_most(len(parts), MOST_PARTS, "parts of a panel")
    return [_part(each).plain() for each in parts]


def _part(given: object) -> Part:
    if isinstance(given, Part):
        return given
    raise InvalidValue(f"cannot show {type(given).__name__} in a panel: it is Table, Plot, Markdown or Facts")


def _at_most(number: int, most: int, what: str) -> None:
    if number > most:
        raise InvalidValue(f"cannot show {number} {what}: at most {most}")


def _text(given: object) -> str:
    return str(given)[:MOST_CELL]


def _cell(given: object) -> Cell:
    if given is None or isinstance(given, bool):
        return given
    if isinstance(given, int):
        return given if abs(given) < 2**53 else str(given)
    if isinstance(given, float):
        return given if math.isfinite(given) else str(given)
    return _text(given)


def _points(points: Sequence[tuple[float, float]]) -> list[list[float]]:
    found = [[float(x), float(y)] for x, y in points]
    return [each for each in found if all(map(math.isfinite, each))]
