"""Pipelines and their nodes as `status` and `graph` tell them, and what needs attention in them."""

from __future__ import annotations

import asyncio
from typing import Any

from anacostia_daemon.control.client import ControlFailure, ControlRefused
from anacostia_daemon.web.facts.daemon import Daemon
from anacostia_daemon.web.facts.errors import CannotShow
from anacostia_daemon.web.facts.runs import rows

Fact = dict[str, Any]

RECENT = 30  # runs by which a pipeline is judged
# What needs a person comes first, then what is under way.
_URGENCY = {"failed": 0, "backoff": 1, "killing": 2, "stopping": 3, "starting": 4, "ready": 5, "down": 6}


async def status(daemon: Daemon) -> Fact:
    """As `status --json`."""
    found: Fact = await daemon.ask("status")
    return found


async def pipeline(daemon: Daemon, name: str) -> Fact:
    """One pipeline of `status --json`."""
    found: Fact = (await daemon.ask("status", pipeline=name))["pipelines"][0]
    return found


async def find(daemon: Daemon, name: str) -> Fact | None:
    """One pipeline of `status --json`; None where there is none of that name (any more)."""
    try:
        return await pipeline(daemon, name)
    except ControlRefused as error:
        if error.code != "unknown":
            raise
        return None


async def node(daemon: Daemon, name: str, node_name: str) -> Fact:
    """One node of it. CannotShow where there is none."""
    for each in (await pipeline(daemon, name))["nodes"]:
        if each["name"] == node_name:
            found: Fact = each
            return found
    raise CannotShow("unknown", f"cannot show node '{node_name}': no such node in pipeline '{name}'")


async def graph(daemon: Daemon, name: str) -> Fact:
    """As `graph --json`."""
    found: Fact = await daemon.ask("graph", pipeline=name)
    return found


async def overview(daemon: Daemon) -> Fact:
    """`status` with what each pipeline's last runs were, what needs attention first."""
    found = await status(daemon)
    for each, recent in zip(
        found["pipelines"],
        await asyncio.gather(*(_recent(daemon, each) for each in found["pipelines"])),
        strict=True,
    ):
        each["recent"] = recent
        each["attention"] = attention(each)
    found["pipelines"].sort(key=lambda each: (not each["attention"], _URGENCY.get(each["phase"], 9), each["name"]))
    return found


async def _recent(daemon: Daemon, known: Fact) -> list[Fact]:
    """Its last runs, the newest first; empty where its store does not answer, which `status` says."""
    if not store_is_ready(known):
        return []
    try:
        found: list[Fact] = await rows(daemon, known["name"], "runs", {}, newest_first=True, limit=RECENT)
    except (ControlFailure, ControlRefused):
        return []
    return found


def store_is_ready(known: Fact) -> bool:
    """Whether its metadata store would answer itself; else asking starts a process that reads its files."""
    return any(each["kind"] == "metadata_store" and each["phase"] == "ready" for each in known["nodes"])


def attention(known: Fact) -> list[Fact]:
    """What a person should look at: nodes that are not as they should be, the last run where it failed. Pure."""
    found = [
        {"node": each["name"], "run_id": None, "what": f"{each['name']} is {each['phase']}", "reason": each["reason"]}
        for each in known["nodes"]
        if each["phase"] in ("failed", "backoff")
    ]
    ended = [each for each in known.get("recent", ()) if each["state"] != "running"]
    if ended and ended[0]["state"] == "failed":
        found.append(
            {"node": None, "run_id": ended[0]["id"], "what": f"run {ended[0]['id']} failed", "reason": why(ended[0])}
        )
    if known.get("reason"):
        found.append({"node": None, "run_id": None, "what": known["reason"], "reason": known["reason"]})
    return found


def why(run: Fact) -> str:
    """The first line of the last error of a run, and whose it was."""
    for task in run["tasks"]:
        if task["state"] in ("error", "failed"):
            lines = (task["error"] or task["state"]).strip().splitlines()
            return f"{task['node']}: {lines[-1] if lines else task['state']}"
    return ""
