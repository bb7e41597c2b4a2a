"""Draws a DAG with one node per line: every edge is a lane that runs down from a node to its successor. Pure."""

from __future__ import annotations

from typing import Any

from anacostia_daemon.ctl.text import printable

_MARKS = {"metadata_store": "◆", "resource": "■", "action": "●"}
_ASCII = str.maketrans(
    {"◆": "*", "■": "#", "●": "o", "│": "|", "├": "+", "─": "-", "╮": ".", "╯": "'", "┬": "+", "┴": "+", "┼": "|"}
)

Lanes = list[str | None]  # for each column the node that its edge leads to; None: free


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
        if any(lanes):
            drawn.append((_fork(lanes, taken) if len(taken) > 1 else _row(lanes, -1, ""), ""))
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
