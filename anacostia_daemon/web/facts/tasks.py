"""What one node has done, and how far a run is: tasks as `run --json` has them."""

from __future__ import annotations

from typing import Any

from anacostia_daemon.web.facts.daemon import Daemon
from anacostia_daemon.web.facts.runs import rows

Fact = dict[str, Any]

LAST = 40  # tasks of a node that are shown


async def of_node(daemon: Daemon, pipeline: str, node: str) -> list[Fact]:
    """Its last tasks, the newest first."""
    return await rows(daemon, pipeline, "tasks", {"node": node}, newest_first=True, limit=LAST)


def progress(run: Fact) -> Fact:
    """How far a run is: {"over", "all", "executing", "failed"}; the last two are names of nodes. Pure."""
    tasks = run["tasks"]
    return {
        "all": len(tasks),
        "over": sum(each["state"] not in ("pending", "executing") for each in tasks),
        "executing": [each["node"] for each in tasks if each["state"] == "executing"],
        "failed": [each["node"] for each in tasks if each["state"] in ("failed", "error")],
    }
