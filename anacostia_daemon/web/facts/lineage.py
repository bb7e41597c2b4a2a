"""Where an artifact came from and what was made from it, as a graph of artifacts and tasks.

A run claims artifacts, and its tasks make others. Which task has read which is not recorded; the graph of the pipeline
says it: a task reads what lies in the resources before it, and what the nearest tasks before it have made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anacostia_daemon.web.facts.artifacts import artifact
from anacostia_daemon.web.facts.daemon import Daemon
from anacostia_daemon.web.facts.runs import rows

Fact = dict[str, Any]
Predecessors = Mapping[str, list[str]]

MOST = 200  # artifacts of one lineage


async def lineage(daemon: Daemon, pipeline: str, artifact_id: int) -> Fact:
    """{"of", "artifacts", "tasks", "edges", "complete"}; followed in both directions until nothing is new, or enough
    is found. CannotShow where there is no such artifact."""
    start = await artifact(daemon, pipeline, artifact_id)
    before = {each["name"]: each["predecessors"] for each in (await daemon.ask("graph", pipeline=pipeline))["nodes"]}
    artifacts, tasks, edges = {artifact_id: start}, dict[str, Fact](), set[tuple[str, str]]()
    seen: set[int] = set()
    waiting = _runs_of(start)
    while waiting and len(artifacts) < MOST:
        run_id = waiting.pop(0)
        if run_id in seen:
            continue
        seen.add(run_id)
        owned = await rows(daemon, pipeline, "artifacts", {"run_id": run_id}, limit=MOST)
        made = await rows(daemon, pipeline, "artifacts", {"made_by_run": run_id}, limit=MOST)
        for each in (*owned, *made):
            artifacts.setdefault(each["id"], each)
            waiting += [other for other in _runs_of(each) if other not in seen]
        found_tasks, found_edges = of_run(run_id, owned, made, before)
        tasks |= found_tasks
        edges |= found_edges
    return {
        "of": artifact_id,
        "artifacts": [artifacts[each] for each in sorted(artifacts)],
        "tasks": [tasks[each] for each in sorted(tasks)],
        "edges": [{"from": one, "to": other} for one, other in sorted(edges)],
        "complete": not waiting,
    }


def of_run(
    run_id: int, owned: list[Fact], made: list[Fact], before: Predecessors
) -> tuple[dict[str, Fact], set[tuple[str, str]]]:
    """The tasks of one run that have made something, or the run where none has, and what led to what. Pure."""
    ids = {each["id"] for each in made}
    used = [each for each in owned if each["id"] not in ids]
    makers: dict[str, list[Fact]] = {}
    for each in made:
        makers.setdefault(each["produced_by"]["node"], []).append(each)
    if not makers:
        task = f"run:{run_id}"
        return {task: {"id": task, "run_id": run_id, "node": None}}, {(_id(each), task) for each in used}
    tasks, edges = {}, set()
    for node, its in makers.items():
        task = f"run:{run_id}/{node}"
        tasks[task] = {"id": task, "run_id": run_id, "node": node}
        edges |= {(task, _id(each)) for each in its}
        edges |= {(_id(each), task) for each in origins(node, used, makers, before)}
    return tasks, edges


def origins(node: str, used: list[Fact], makers: Mapping[str, list[Fact]], before: Predecessors) -> list[Fact]:
    """What `node` had before it: of each way back the first that holds anything. All that its run used, where the
    graph, which may be another one today, says nothing. Pure."""
    found: dict[int, Fact] = {}
    waiting, seen = list(before.get(node, ())), {node}
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        here = makers.get(name) or [each for each in used if each["resource"] == name]
        found |= {each["id"]: each for each in here}
        if not here:
            waiting += before.get(name, ())
    return list(found.values()) or used


def _id(row: Fact) -> str:
    return f"artifact:{row['id']}"


def _runs_of(row: Fact) -> list[int]:
    made_by = row["produced_by"]["run_id"] if row["produced_by"] else None
    return [each for each in (row["run_id"], made_by) if each is not None]
