"""Draws a DAG with one node per line: every edge is a lane that runs down from a node to its successor. Pure."""

from __future__ import annotations

from typing import Any

from anacostia_daemon.ctl.table import cut
from anacostia_daemon.ctl.text import printable

_MARKS = {"metadata_store": "◆", "resource": "■", "action": "●"}
_ASCII = str.maketrans(
    {"◆": "*", "■": "#", "●": "o", "│": "|", "├": "+", "─": "-", "╮": ".", "╯": "'", "┬": "+", "┴": "+", "┼": "|"}
)

Lanes = list[str | None]  # for each column the node that its edge leads to; None: free


_MANY = 20  # nodes; from there on no line is spent on air
_NAMED = 3  # predecessors that a line of the list names


def picture(nodes: list[dict[str, Any]], width: int | None, ascii_only: bool = False) -> list[str]:
    """The drawing; where its lanes would fill more than half of the terminal, a list by stages instead."""
    drawn = draw(nodes, ascii_only)
    lanes = max((len(line) for line in drawn if not line.endswith(")")), default=0)
    if width is None or lanes <= max(10, width // 2):
        return drawn if width is None else [cut(line, width) for line in drawn]
    return [cut(line, width) for line in listing(nodes, ascii_only)]


def listing(nodes: list[dict[str, Any]], ascii_only: bool = False) -> list[str]:
    """One node per line, with the length of the longest way to it, and its predecessors."""
    stages: dict[str, int] = {}
    lines = []
    for node in nodes:
        before = node["predecessors"]
        stage = stages[node["name"]] = 1 + max((stages[each] for each in before), default=0)
        named = ", ".join(printable(each) for each in before[:_NAMED])
        more = f" and {len(before) - _NAMED} more" if len(before) > _NAMED else ""
        mark = _MARKS.get(node["kind"], "●")
        lines.append(
            (stage, f"{stage:>4}  {mark}  {printable(node['name'])}" + (f"  ← {named}{more}" if before else ""))
        )
    lines.sort(key=lambda each: each[0])
    return [line.translate(_ASCII).replace("←", "<-") if ascii_only else line for _, line in lines]


def draw(nodes: list[dict[str, Any]], ascii_only: bool = False) -> list[str]:
    """The lines of the drawing. `nodes` come predecessors first, as in the graph."""
    successors: dict[str, list[str]] = {node["name"]: [] for node in nodes}
    for node in nodes:
        for each in node["predecessors"]:
            successors[each].append(node["name"])
    lanes: Lanes = []
    drawn: list[tuple[str, str]] = []
    for node in nodes:
        name = node["name"]
        mine = [column for column, leads_to in enumerate(lanes) if leads_to == name] or [_free(lanes, 0)]
        if len(mine) > 1:
            drawn.append((_join(lanes, mine), ""))
        for column in mine:
            lanes[column] = None
        column = mine[0]
        lanes[column] = name
        drawn.append((_row(lanes, column, _MARKS.get(node["kind"], "●")), _label(node)))
        lanes[column] = None
        reached = successors[name]
        taken = [column] if reached else []
        for each, target in enumerate(reached):
            if each:
                taken.append(_free(lanes, column))
            lanes[taken[each]] = target
        if len(taken) > 1:
            drawn.append((_fork(lanes, taken), ""))
        elif any(lanes) and len(nodes) <= _MANY:
            drawn.append((_row(lanes, -1, ""), ""))
        while lanes and lanes[-1] is None:
            lanes.pop()
    return _lines(drawn, ascii_only)


def dot(graph: dict[str, Any]) -> str:
    """The graph in Graphviz' language."""
    shapes = {"metadata_store": "cylinder", "resource": "folder", "action": "box"}
    lines = [f"digraph {_quoted(graph['name'])} {{"]
    lines += [f"  {_quoted(node['name'])} [shape={shapes.get(node['kind'], 'box')}];" for node in graph["nodes"]]
    lines += [
        f"  {_quoted(each)} -> {_quoted(node['name'])};" for node in graph["nodes"] for each in node["predecessors"]
    ]
    return "\n".join([*lines, "}"])


def _free(lanes: Lanes, after: int) -> int:
    """A free column not left of `after`."""
    for column in range(after, len(lanes)):
        if lanes[column] is None:
            return column
    lanes.append(None)
    return len(lanes) - 1


def _row(lanes: Lanes, own: int, mark: str) -> str:
    marks = [mark if column == own else "│" if lane else " " for column, lane in enumerate(lanes)]
    return " ".join(marks)


def _join(lanes: Lanes, mine: list[int]) -> str:
    """The lanes of `mine` come together in the first of them."""
    return _across(lanes, mine, "┴", "╯")


def _fork(lanes: Lanes, taken: list[int]) -> str:
    """The lanes of `taken` part from the first of them."""
    return _across(lanes, sorted(taken), "┬", "╮")


def _across(lanes: Lanes, columns: list[int], middle: str, end: str) -> str:
    first, last = columns[0], columns[-1]
    marks = []
    for column, lane in enumerate(lanes):
        if column == first:
            marks.append("├")
        elif column == last:
            marks.append(end)
        elif column in columns:
            marks.append(middle)
        elif first < column < last:
            marks.append("┼" if lane else "─")
        else:
            marks.append("│" if lane else " ")
    gaps = ["─" if first <= column < last else " " for column in range(len(marks))]
    return "".join(mark + gap for mark, gap in zip(marks, gaps, strict=True))


def _label(node: dict[str, Any]) -> str:
    kind = str(node["kind"]).replace("_", " ")
    return f"{printable(node['name'])}  ({kind}: {printable(node['type'])})"


def _lines(drawn: list[tuple[str, str]], ascii_only: bool) -> list[str]:
    lines = []
    for lanes, label in drawn:
        picture = lanes.rstrip()
        if ascii_only:
            picture = picture.translate(_ASCII)
        lines.append(f"{picture}  {label}" if label else picture)
    return lines


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
