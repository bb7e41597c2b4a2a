"""How a run begins, goes on after a task is over, and ends. Law 4 is kept here: claiming artifacts and creating the
run is one transaction, and so is ending the run and letting go of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from node_sdk.graph import NodeSpec
from node_sdk.metadata import rules
from node_sdk.metadata.board import Board, OpenRun
from node_sdk.metadata.schema import Row

MAX_ERROR = 4000  # characters kept of why a task failed
NOTHING: Mapping[str, Any] = {}
MAX_REASON = 500  # characters that an artifact of its run repeats of it


def start_due(board: Board) -> None:
    """Start the run that the offers call for, where they do and there is room for one more."""
    while may_start(board):
        offering = [name for name in _willing(board) if not _waits_for_new(board, name) or _anything_new(board, [name])]
        if not rules.trigger_holds(board.graph, set(offering)) or not _anything_new(board, offering):
            return
        start(board, offering, trigger=", ".join(offering), token=None)


def may_start(board: Board) -> bool:
    """Whether a run would start, should there be something new."""
    room = len(board.runs) < board.graph.max_concurrent_runs
    return room and rules.trigger_holds(board.graph, set(_willing(board)))


def start(board: Board, resources: list[str], *, trigger: str, token: str | None) -> int:
    """Start a run that claims every new artifact of `resources`; return its id."""
    run = board.open_run(trigger, token)
    for name in resources:
        board.change_artifacts(
            {"resource": name, "state": "new", "published": True},
            {"state": "current", "run_id": run.id},
        )
        # The offer of one that offers whenever there is something new stands.
        board.set_node(name, offers=board.nodes[name]["offers"] and _waits_for_new(board, name), last_run_id=run.id)
    for name in rules.signalled_by_store(board.graph, run.states):
        board.signal(name, run.id)
    settle(board, run)
    return run.id


def end_task(
    board: Board, run: OpenRun, task: Row, state: str, error: str | None, also: Mapping[str, Any] = NOTHING
) -> None:
    """A task is over, and `also` is so of it; what follows from it for the others and for the run happens at once."""
    board.set_task(task, state=state, ended_at=board.now(), error=error and error[:MAX_ERROR], **also)
    settle(board, run)


def settle(board: Board, run: OpenRun) -> None:
    """Skip what can no longer begin; end the run when nothing is left open."""
    for name in rules.to_skip(board.graph, run.states):
        why = _why_skipped(board.graph.by_name[name], run)
        board.set_task(run.tasks[name], state="skipped", ended_at=board.now(), error=why)
    end = rules.run_end(run.states)
    if end is not None:
        close(board, run, end)


def close(board: Board, run: OpenRun, state: str, why: str | None = None) -> None:
    """End a run in which no task is open, let go of its artifacts, and let the next one begin.

    `why` is what its artifacts say where they end as failed; by default, which task failed.
    """
    board.end_run(run, state)
    end = rules.artifact_end(state)
    reason = (why or _why_failed(run))[:MAX_REASON] if end == "failed" else None
    board.change_artifacts({"run_id": run.id, "state": "current"}, {"state": end, "reason": reason})
    for name in rules.monitored_resources(board.graph):
        if not _waits_for_new(board, name):  # its condition may look at what this run has recorded
            board.signal(name, run.id)
    start_due(board)


def is_due(board: Board, run: OpenRun, node: str) -> bool:
    """Whether the task of `node` has not begun and may begin now: also what is made before it is in place (law 5)."""
    return rules.is_due(board.node(node), run.states) and not _waits_for_outputs(board, run, node)


def due_by(board: Board, run: OpenRun, node: str) -> list[str]:
    """Whom `node`, whose task is over, has to signal now. Not who waits for outputs, those of `node` or of another:
    whoever made them is told whom to signal when it says that they are published."""
    found = rules.due_by(board.graph, node, run.states)
    return [name for name in found if not _waits_for_outputs(board, run, name)]


def _waits_for_outputs(board: Board, run: OpenRun, node: str) -> bool:
    return bool(run.makers) and not run.makers.isdisjoint(rules.makers_before(board.graph, node, run.states))


def _willing(board: Board) -> list[str]:
    return [name for name in rules.monitored_resources(board.graph) if board.nodes[name]["offers"]]


def _waits_for_new(board: Board, resource: str) -> bool:
    return board.graph.by_name[resource].starts_on_new


def _anything_new(board: Board, resources: list[str]) -> bool:
    # Without this a trigger_condition() that always holds would start run after run with nothing in them.
    return any(
        board.tables.select("artifacts", {"resource": name, "state": "new", "published": True}, limit=1)
        for name in resources
    )


def _why_failed(run: OpenRun) -> str:
    for task in run.tasks.values():
        if task["state"] in ("failed", "error", "cancelled"):
            first, *_ = (task["error"] or task["state"]).splitlines()
            return f"run {run.id} failed: {task['node']}: {first}"
    return f"run {run.id} failed"


def _why_skipped(node: NodeSpec, run: OpenRun) -> str:
    lacking = [
        f"{name} is {run.tasks[name]['state']}"
        for name in node.predecessors
        if name in run.tasks and run.tasks[name]["state"] != "succeeded"
    ]
    return f"its trigger_rule is {node.trigger_rule}, and {', '.join(lacking)}"
