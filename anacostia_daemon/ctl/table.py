"""Plain aligned tables that fit the terminal. Pure: strings in, strings out.

A cell is as wide as a terminal shows it: East Asian wide characters take two columns, combining ones none.
"""

from __future__ import annotations

import unicodedata

TYPE_CHECKING = False  # as `typing` has it, whose import takes 3 ms
if TYPE_CHECKING:
    from collections.abc import Sequence

_GAP = "  "
_NARROWEST = 8  # columns; a flexible column gives way down to this
_READABLE = 20  # columns; before a flexible one gets narrower than this, others are left out


class Column:
    """`flexible` columns are cut where the terminal is too narrow for all, the last of them first. Before they would be
    unreadable, columns that `may_go` are left out, the highest number first; 0 stays."""

    __slots__ = ("flexible", "may_go", "right", "title")  # no dataclass: its module takes 7 ms to import

    def __init__(self, title: str, right: bool = False, flexible: bool = False, may_go: int = 0) -> None:
        self.title, self.right, self.flexible, self.may_go = title, right, flexible, may_go


class Cell:
    """A text with the escape sequence that colours it; the sequence takes no width."""

    __slots__ = ("style", "text")

    def __init__(self, text: str, style: str = "") -> None:
        self.text, self.style = text, style


Row = list[Cell | str]


def render(columns: Sequence[Column], rows: Sequence[Row], width: int | None = None) -> list[str]:
    """The table's lines, title line first. `width`: of the terminal; None where nothing needs to be cut."""
    cells = [[each if isinstance(each, Cell) else Cell(each) for each in row] for row in rows]
    widths = [
        max([columns_of(column.title), *(columns_of(row[index].text) for row in cells)])
        for index, column in enumerate(columns)
    ]
    shown = list(range(len(columns)))
    if width is not None:
        shown = _fitting(columns, widths, width)
    columns, widths = [columns[each] for each in shown], [widths[each] for each in shown]
    cells = [[row[each] for each in shown] for row in cells]
    if width is not None:
        _narrow(columns, widths, width)
    titles = [Cell(column.title) for column in columns]
    return [_line(columns, widths, row) for row in [titles, *cells]]


def columns_of(text: str) -> int:
    """How many columns a terminal gives to `text`."""
    return len(text) if text.isascii() else sum(map(_columns_of_one, text))


def cut(text: str, width: int) -> str:
    """`text` in at most `width` columns, with '…' where something is missing."""
    if columns_of(text) <= width:
        return text
    kept, used = [], 1
    for character in text:
        used += _columns_of_one(character)
        if used > width:
            break
        kept.append(character)
    return "".join(kept) + "…"


def _columns_of_one(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Me", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fitting(columns: Sequence[Column], widths: list[int], width: int) -> list[int]:
    """Which columns are shown."""
    least = [min(each, _READABLE) if column.flexible else each for column, each in zip(columns, widths, strict=True)]
    shown = list(range(len(columns)))
    for index in sorted(shown, key=lambda each: -columns[each].may_go):
        if columns[index].may_go == 0 or sum(least[each] + len(_GAP) for each in shown) - len(_GAP) <= width:
            break
        shown.remove(index)
    return shown


def _narrow(columns: Sequence[Column], widths: list[int], width: int) -> None:
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    for index in range(len(widths) - 1, -1, -1):
        if excess > 0 and columns[index].flexible:
            gives = min(excess, max(0, widths[index] - _NARROWEST))
            widths[index] -= gives
            excess -= gives


def _line(columns: Sequence[Column], widths: Sequence[int], row: Sequence[Cell]) -> str:
    parts = []
    for index, (column, width, cell) in enumerate(zip(columns, widths, row, strict=True)):
        text = cut(cell.text, width)
        padding = " " * (width - columns_of(text))
        painted = f"{cell.style}{text}\x1b[0m" if cell.style and text else text
        if column.right:
            parts.append(padding + painted)
        elif index == len(columns) - 1:
            parts.append(painted)
        else:
            parts.append(painted + padding)
    return _GAP.join(parts).rstrip()
