"""What `top` shows of one answer to `status`: all nodes in one table, in an order that a key may change."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from anacostia_daemon.ctl import screen
from anacostia_daemon.ctl.table import Column, Row, cut, render
from anacostia_daemon.ctl.text import shown, size

_KEYS = {"c": "cpu", "m": "rss", "r": "restarts", "n": "name"}
_FIELDS = {"cpu": "cpu_percent", "rss": "rss_bytes", "restarts": "restarts"}


class Order:
    """By which the nodes are sorted: cpu, rss, restarts or name."""

    def __init__(self, sort: str) -> None:
        self.sort = sort

    def press(self, key: str) -> bool:
        """A key was pressed; whether to go on."""
        self.sort = _KEYS.get(key.lower(), self.sort)
        return key.lower() != "q"

    def __call__(self, nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The largest first; those that are alike by name."""
        by_name = sorted(nodes, key=lambda node: (node["pipeline"], node["name"]))
        if self.sort == "name":
            return by_name
        return sorted(by_name, key=lambda node: -(node[_FIELDS[self.sort]] or 0))


def as_json(status: dict[str, Any], order: Order) -> list[str]:
    """One line: {"at", "nodes": [{"pipeline", "node", "phase", …}]}."""
    import json  # most of the time it is for people

    fields = ("pipeline", "phase", "pid", "restarts", "cpu_percent", "rss_bytes", "work")
    nodes = [{"node": node["name"], **{each: node[each] for each in fields}} for node in order(_nodes(status))]
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return [json.dumps({"at": at, "nodes": nodes}, ensure_ascii=False)]


def as_table(status: dict[str, Any], order: Order) -> list[str]:
    """A line about all, and the table."""
    nodes = order(_nodes(status))
    columns = [
        Column("NODE", flexible=True),
        Column("PHASE", may_go=2),
        Column("PID", right=True, may_go=4),
        Column("RESTARTS", right=True, may_go=3),
        Column("CPU", right=True),
        Column("RSS", right=True),
        Column("WORK", flexible=True, may_go=1),
    ]
    several = len(status["pipelines"]) > 1
    head, width = _total(status, nodes), screen.width()
    head = screen.styled(head if width is None else cut(head, width), screen.BOLD)
    return [head, "", *render(columns, [_row(node, several) for node in nodes], width)]


def _nodes(status: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**node, "pipeline": each["name"]} for each in status["pipelines"] for node in each["nodes"]]


def _total(status: dict[str, Any], nodes: list[dict[str, Any]]) -> str:
    cpu = sum(node["cpu_percent"] or 0.0 for node in nodes)
    phases = Counter(node["phase"] for node in nodes)
    counts = ", ".join(f"{number} {phase}" for phase, number in phases.most_common())
    memory = size(sum(node["rss_bytes"] or 0 for node in nodes))
    return f"{datetime.now():%H:%M:%S}  {cpu:.1f}% CPU  {memory}  nodes: {counts or 'none'}"


def _row(node: dict[str, Any], several: bool) -> Row:
    cpu = node["cpu_percent"]
    name = shown(node["name"])
    return [
        f"{shown(node['pipeline'])}/{name}" if several else name,
        screen.word(node["phase"]),
        shown(node["pid"]),
        shown(node["restarts"]),
        "-" if cpu is None else f"{cpu:.1f}%",
        size(node["rss_bytes"]),
        shown(node["work"] if node["phase"] == "ready" else node.get("reason")),
    ]
