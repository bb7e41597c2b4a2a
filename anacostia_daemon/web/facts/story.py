"""The journal in pages, and what it tells of the incarnations of a node: when each began, was ready, and how it ended."""

from __future__ import annotations

import re
from typing import Any

from anacostia_daemon.web.facts.daemon import Daemon

Fact = dict[str, Any]

MOST = 1_000  # lines of one page
_EXIT = re.compile(r"exited with code (\d+)")
_SIGNAL = re.compile(r"killed by (SIG[A-Z0-9]+|signal \d+)")
_OVER = ("backoff", "down", "failed")


async def journal(
    daemon: Daemon, pipeline: str | None, node: str | None, *, before: int | None, limit: int
) -> Fact:
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
        if line["to"] == "starting" and known["started_at"] is None:
            known["started_at"] = line["at"]
        elif line["to"] == "ready" and known["ready_at"] is None:
            known["ready_at"] = line["at"]
        code, number_of = _EXIT.search(line["reason"]), _SIGNAL.search(line["reason"])
        if line["to"] in _OVER and known["ended_at"] is None and line["from"] not in _OVER:
            known["ended_at"], known["reason"] = line["at"], line["reason"]
            known["exit_code"] = int(code[1]) if code else None
            known["signal"] = number_of[1] if number_of else None
    return [found[each] for each in sorted(found)]
