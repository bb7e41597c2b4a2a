"""One function that reads a finished pipeline's store and folders and says which laws do not hold.

It knows nothing of how the work was disturbed, so every scenario (sweep, chaos, power cut) ends with it.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Expected:
    """What the pipeline at `database` should have done; folders map a resource's name to its path."""

    database: Path
    inputs: dict[str, Path]
    outputs: dict[str, Path] = field(default_factory=dict)
    executions: Path | None = None  # one line "run node attempt pid" per execution
    failed_runs: int = 0  # beside those that `failing` tells
    failing: dict[str, set[str]] = field(default_factory=dict)  # resource to the files whose run must fail
    cancelled: dict[str, set[str]] = field(default_factory=dict)  # likewise, of runs that were cancelled
    metrics: tuple[str, ...] = ()  # what each task that succeeded in an attempt of its own has logged
    doubled: Path | None = None  # where a process writes that found another living one of its node
    sometimes: set[str] = field(default_factory=set)  # nodes that not every run has: the pipeline was reloaded
    may_repeat: dict[int, set[str]] | None = None  # run to the nodes that died in it; only these execute twice


def rows(database: Path, query: str, *values: Any) -> list[dict[str, Any]]:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)
    try:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query, values)]
    finally:
        connection.close()


def broken_laws(expected: Expected) -> list[str]:
    """A sentence for each law that does not hold; empty when all do."""
    return [
        *_runs_end(expected),
        *_each_file_in_one_succeeded_run(expected),
        *_nothing_is_logged_twice(expected),
        *_nothing_logged_is_lost(expected),
        *_outputs_are_whole(expected),
        *_executions_agree(expected),
        *_nothing_is_executed_without_need(expected),
        *_no_node_is_doubled(expected),
    ]


def _runs_end(expected: Expected) -> list[str]:
    faults = []
    runs = rows(expected.database, "select * from runs")
    tasks = rows(expected.database, "select * from tasks")
    nodes = {row["name"] for row in rows(expected.database, "select name from nodes")} - expected.sometimes
    by_run: dict[int, Counter[str]] = {}
    for task in tasks:
        by_run.setdefault(task["run_id"], Counter())[task["node"]] += 1
        if task["state"] in ("pending", "executing"):
            faults.append(f"task {task['node']} of run {task['run_id']} stands still: {task['state']}")
    for run in runs:
        if run["state"] == "running" or run["ended_at"] is None:
            faults.append(f"run {run['id']} never ended")
        tasks_of = {node: n for node, n in by_run.get(run["id"], {}).items() if node not in expected.sometimes or n > 1}
        if tasks_of != Counter(nodes):
            faults.append(f"run {run['id']} has tasks {dict(by_run.get(run['id'], {}))}, not one for each node")
    succeeded = {run["id"] for run in runs if run["state"] == "succeeded"}
    faults += [
        f"run {task['run_id']} succeeded though its task {task['node']} is {task['state']}"
        for task in tasks
        if task["run_id"] in succeeded and task["state"] != "succeeded"
    ]
    ended_badly = {task["run_id"] for task in tasks if task["state"] in ("failed", "error", "cancelled")}
    faults += [
        f"run {run['id']} failed though no task of it did"
        for run in runs
        if run["state"] == "failed" and run["id"] not in ended_badly
    ]
    failed = len(runs) - len(succeeded)
    to_fail = expected.failed_runs + len(_runs_of_failing(expected))
    if failed != to_fail:
        faults.append(f"{failed} runs did not succeed, {to_fail} expected")
    return faults


def _runs_of_failing(expected: Expected) -> set[int]:
    found = rows(expected.database, "select resource, location, run_id from artifacts where run_id is not null")
    bad = {
        (resource, name)
        for each in (expected.failing, expected.cancelled)
        for resource in each
        for name in each[resource]
    }
    return {row["run_id"] for row in found if (row["resource"], row["location"]) in bad}


def _each_file_in_one_succeeded_run(expected: Expected) -> list[str]:
    faults = []
    states = {run["id"]: run["state"] for run in rows(expected.database, "select id, state from runs")}
    for resource, folder in expected.inputs.items():
        found = rows(expected.database, "select * from artifacts where resource = ?", resource)
        by_location = Counter(row["location"] for row in found)
        names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and not _hidden(path)}
        faults += [f"file {name} is in no run" for name in sorted(names - set(by_location))]
        faults += [f"file {name} was recorded {count} times" for name, count in by_location.items() if count != 1]
        for row in found:
            end = ("old", "succeeded")
            for ending, bad in (("failed", expected.failing), ("cancelled", expected.cancelled)):
                if row["location"] in bad.get(resource, ()):
                    end = ("failed", ending)
            if (row["state"], states.get(row["run_id"])) != end:
                run = f"run {row['run_id']} ({states.get(row['run_id'])})"
                faults.append(f"file {row['location']} is {row['state']} and belongs to {run}")
    return faults


def _nothing_is_logged_twice(expected: Expected) -> list[str]:
    query = (
        "select run_id, node, key, step, count(*) as times from metrics where run_id > 0 "
        "group by run_id, node, key, step having times > 1"
    )
    faults = [
        f"metric {row['key']} of {row['node']} in run {row['run_id']} stands {row['times']} times"
        for row in rows(expected.database, query)
    ]
    stale = (
        "select m.run_id, m.node, m.attempt, t.attempts from metrics m join tasks t "
        "on t.run_id = m.run_id and t.node = m.node where m.run_id > 0 and m.attempt <> t.attempts"
    )
    return faults + [
        f"a metric of attempt {row['attempt']} of {row['node']} in run {row['run_id']} outlived it"
        for row in rows(expected.database, stale)
    ]


def _nothing_logged_is_lost(expected: Expected) -> list[str]:
    logged = {
        (row["run_id"], row["node"], row["key"])
        for row in rows(expected.database, "select run_id, node, key from metrics")
    }
    tasks = rows(expected.database, "select run_id, node from tasks where state = 'succeeded' and attempts > 0")
    return [
        f"metric {key} of {task['node']} in run {task['run_id']} is lost"
        for task in tasks
        for key in expected.metrics
        if (task["run_id"], task["node"], key) not in logged
    ]


def _outputs_are_whole(expected: Expected) -> list[str]:
    faults = []
    for resource, folder in expected.outputs.items():
        latest: dict[str, dict[str, Any]] = {}
        for row in rows(expected.database, "select * from artifacts where resource = ? order by version", resource):
            latest[row["location"]] = row
            if not row["published"]:
                faults.append(f"output {row['location']} of run {row['made_by_run']} was never published")
        for location, row in latest.items():
            path = folder / location
            if not path.is_file():
                faults.append(f"output {location} is recorded, but not there")
            elif hashlib.sha256(path.read_bytes()).hexdigest() != row["sha256"]:
                faults.append(f"output {location} has other bytes than were recorded")
        there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and not _hidden(path)}
        faults += [f"output {name} is there, but not recorded" for name in sorted(there - set(latest))]
    return faults


def _executions_agree(expected: Expected) -> list[str]:
    if expected.executions is None:
        return []
    last: dict[tuple[int, str], int] = {}
    for line in expected.executions.read_text().splitlines():
        run, node, attempt, _ = line.split()
        last[int(run), node] = int(attempt)
    faults = []
    for task in rows(expected.database, "select * from tasks where state = 'succeeded' and attempts > 0"):
        executed = last.get((task["run_id"], task["node"]))
        if executed != task["attempts"]:
            faults.append(
                f"task {task['node']} of run {task['run_id']} succeeded in attempt {task['attempts']}, "
                f"but the last execution was attempt {executed}"
            )
    return faults


def _nothing_is_executed_without_need(expected: Expected) -> list[str]:
    if expected.executions is None or not expected.executions.exists():
        return []
    lines = [line.split() for line in expected.executions.read_text().splitlines()]
    attempts = Counter((int(run), node, attempt) for run, node, attempt, _ in lines)
    faults = [
        f"task {node} of run {run} was executed {times} times as attempt {attempt}"
        for (run, node, attempt), times in attempts.items()
        if times > 1
    ]
    if expected.may_repeat is None:
        return faults
    executed = Counter((int(run), node) for run, node, _, _ in lines)
    return faults + [
        f"task {node} of run {run} was executed {times} times though its process never died"
        for (run, node), times in executed.items()
        if times > 1 and node not in expected.may_repeat.get(run, ())
    ]


def _no_node_is_doubled(expected: Expected) -> list[str]:
    if expected.doubled is None or not expected.doubled.exists():
        return []
    return [f"two processes of a node at once: {line}" for line in expected.doubled.read_text().splitlines()]


def _hidden(path: Path) -> bool:
    return ".anacostia" in path.parts
