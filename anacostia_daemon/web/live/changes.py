"""What has changed between two looks, as events. Pure: facts in, events out.

Events: `journal` (a line of it), `phase` (a node's phase is another), `run` (a run began, changed or ended; with its
tasks), `task` (one of its tasks did), `signal` (a task began because another had ended), `pipelines` (which there are,
or the phase of one), `artifacts` (there are new ones; said by the watch itself).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from anacostia_daemon.web.live.hub import Event

Fact = dict[str, Any]
Runs = Mapping[int, Fact]

PHASES = ("down", "starting", "ready", "stopping", "killing", "backoff", "failed")
_OVER = ("succeeded", "failed", "error", "skipped", "cancelled")


def of_journal(lines: Iterable[Fact]) -> Iterator[Event]:
    """Each line, and the phases that it tells of."""
    for line in lines:
        yield Event("journal", line["pipeline"], {"line": line})
        if line["node"] and line["event"] != "desired" and line["to"] in PHASES:
            facts = {each: line[each] for each in ("node", "incarnation", "from", "to", "reason", "at")}
            yield Event("phase", line["pipeline"], facts)


def of_status(before: Fact | None, after: Fact) -> Iterator[Event]:
    """Pipelines that came or went, or are in another phase."""
    old = {} if before is None else {each["name"]: _summary(each) for each in before["pipelines"]}
    new = {each["name"]: _summary(each) for each in after["pipelines"]}
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield Event("pipelines", name, {"pipelines": sorted(new), "summary": new.get(name)})


def of_runs(pipeline: str, before: Runs, after: Runs, predecessors: Mapping[str, list[str]]) -> Iterator[Event]:
    """Runs and tasks that are not as they were. `predecessors` of each node."""
    for run_id in sorted(after):
        run, known = after[run_id], before.get(run_id)
        if run == known:
            continue
        yield Event("run", pipeline, {"run": run})
        old = {} if known is None else {each["node"]: each for each in known["tasks"]}
        tasks = {each["node"]: each for each in run["tasks"]}
        for node, task in tasks.items():
            if old.get(node) == task:
                continue
            yield Event("task", pipeline, {"run_id": run_id, "task": task})
            if task["started_at"] and not (old.get(node) or {}).get("started_at"):
                for source in predecessors.get(node, ()):
                    if tasks.get(source, {}).get("state") in _OVER:
                        yield Event("signal", pipeline, {"from": source, "to": node, "run_id": run_id})


def _summary(pipeline: Fact) -> Fact:
    return {
        "phase": pipeline["phase"],
        "desired": pipeline["desired"],
        "reason": pipeline.get("reason", ""),
        "nodes": {
            each["name"]: {"phase": each["phase"], "work": each["work"], "incarnation": each["incarnation"]}
            for each in pipeline["nodes"]
        },
    }
