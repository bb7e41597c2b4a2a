"""The journal in pages, and what it tells of the incarnations of a node: when each began, and how it ended."""

from __future__ import annotations

import re
from typing import Any

from anacostia_daemon.web.facts.daemon import Daemon

Fact = dict[str, Any]

MOST = 1_000  # lines of one page
_EXIT = re.compile(r"exited with code (\d+)")
_SIGNAL = re.compile(r"killed by (SIG[A-Z0-9]+|signal \d+)")
_ALIVE = ("starting", "ready", "stopping", "killing")
_ENDING = ("stopping", "killing", "backoff", "down", "failed")


async def journal(daemon: Daemon, pipeline: str | None, node: str | None, *, before: int | None, limit: int) -> Fact:
    """The newest lines before line `before`, in the order of time: {"items", "before"}; `before` leads further back."""
    limit = max(1, min(limit, MOST))
    found = await daemon.ask("journal", pipeline=pipeline, node=node, before=before, limit=limit)
    return {"items": found, "before": found[0]["id"] if len(found) == limit else None}


async def incarnations(daemon: Daemon, pipeline: str, node: str) -> list[Fact]:
    """The newest incarnations of a node that the journal still tells of, oldest first."""
    return told((await journal(daemon, pipeline, node, before=None, limit=MOST))["items"])


def told(lines: list[Fact]) -> list[Fact]:
    """Incarnations as lines of the journal tell of them. Pure."""
    found: dict[int, Fact] = {}
    for line in lines:
        number = line["incarnation"]
        if not number:
            continue
        known = found.setdefault(
            number,
            {
                "incarnation": number,
                "started_at": None,
                "ready_at": None,
                "ended_at": None,
                "reason": "",
                "exit_code": None,
                "signal": None,
            },
        )
        if line["event"] == "desired":
            continue
        if line["to"] == "starting" and known["started_at"] is None:
            known["started_at"] = line["at"]
        elif line["to"] == "ready" and known["ready_at"] is None:
            known["ready_at"] = line["at"]
        elif line["from"] in _ALIVE and line["to"] in _ENDING:
            _ends(known, line)
    return [found[each] for each in sorted(found)]


def _ends(known: Fact, line: Fact) -> None:
    """It was told to end, or has: the first reason is why, the last time is when."""
    code, number = _EXIT.search(line["reason"]), _SIGNAL.search(line["reason"])
    known["ended_at"] = line["at"]
    known["reason"] = known["reason"] or line["reason"]
    known["exit_code"] = int(code[1]) if code else known["exit_code"]
    known["signal"] = number[1] if number else known["signal"]
