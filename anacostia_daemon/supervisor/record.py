"""Between the journal's rows and what the daemon holds: what is written of a pipeline, and what is made of it again."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import cast

from anacostia_daemon.core.events import Desired, Exited
from anacostia_daemon.core.node import End, NodeState, new_node
from anacostia_daemon.journal.journal import Entry, Journal, LoaderRow, NodeRow, PipelineRow
from anacostia_daemon.paths import Home
from anacostia_daemon.process.identity import boot_id
from anacostia_daemon.supervisor.following import REMOVED
from anacostia_daemon.supervisor.keeper import Recipe
from anacostia_daemon.supervisor.kept_environment import EnvironmentLost, kept_values
from anacostia_daemon.supervisor.loaders import Loaders
from anacostia_daemon.supervisor.moments import Moments
from anacostia_daemon.supervisor.pipeline import Pipeline, effective
from anacostia_daemon.supervisor.watched import Watched
from node_sdk.graph import GraphSpec, NodeSpec

REBOOTED = "the machine was restarted"

_MAY_LIVE = ("starting", "ready", "stopping", "killing")


# ---- to the journal


def pipeline_row(
    recipe: Recipe, graph: GraphSpec, desired: Desired, created: float, env_kept: str | None
) -> PipelineRow:
    """`env_kept`: where the values of its variables are (kept_environment.py)."""
    return PipelineRow(
        name=graph.name,
        file=recipe.file,
        object=recipe.name,
        argv=recipe.argv,
        cwd=recipe.cwd,
        python=recipe.python,
        env=dict.fromkeys(recipe.env),
        env_file=recipe.env_file,
        env_kept=env_kept,
        settings=recipe.nodes,
        graph=graph.to_json(),
        desired=desired,
        created=created,
    )


def write(journal: Journal, pipeline: Pipeline, moments: Moments) -> None:
    """What has changed in this turn. Inside of `journal.turn()`."""
    if pipeline.desired != pipeline.written_desired:
        journal.set_pipeline_desired(pipeline.name, pipeline.desired)
    pipeline.parting = [
        name for name, node in pipeline.nodes.items() if name not in pipeline.graph.by_name and node.state.at_rest
    ]
    for name in pipeline.parting:
        journal.remove_node(pipeline.name, name)
    for name in sorted(pipeline.touched - set(pipeline.parting)):
        journal.save_node(_node_row(pipeline.name, name, pipeline.nodes[name], moments))
    _write_loaders(journal, pipeline.name, pipeline.loaders)
    for line in pipeline.lines:
        journal.write(
            Entry(
                at=time.time(),
                pipeline=pipeline.name,
                node=line.node,
                incarnation=None if line.node is None else line.incarnation,
                event=line.note.event,
                from_=line.note.from_,
                to=line.note.to,
                reason=line.note.reason,
            )
        )


def _node_row(pipeline: str, name: str, node: Watched, moments: Moments) -> NodeRow:
    state = node.state
    end = state.last_end
    return NodeRow(
        pipeline=pipeline,
        name=name,
        desired=node.wanted,
        # An orphan is kept as one that may live: until it is found out, the next daemon must look for it too.
        phase="starting" if state.orphan and state.phase == "down" else state.phase,
        reason=state.reason,
        incarnation=max(state.incarnation, state.highest),
        pid=state.pid,
        started=state.started,
        boot_id=boot_id(),
        ready_at=moments.wall(state.ready_at),
        restarts=state.restarts,
        done=state.done,
        crashed=state.crashed,
        end_reason=end.reason if end else None,
        end_exit_code=end.exit_code if end else None,
        end_signal=end.signal if end else None,
        end_at=moments.wall(end.at) if end else None,
        shape=node.shape,
    )


def _write_loaders(journal: Journal, pipeline: str, loaders: Loaders) -> None:
    rows = {
        each.pid: LoaderRow(pipeline=pipeline, pid=each.pid, started=each.started, boot_id=boot_id())
        for each in loaders
        if each.pid is not None and each.started is not None
    }
    if not loaders.differ(rows):
        return
    written = {row.pid: row for row in journal.loaders(pipeline)}
    for pid in written.keys() - rows.keys():
        journal.forget_loader(pipeline, pid)
    for pid, row in rows.items():
        if row != written.get(pid):
            journal.save_loader(row)


# ---- from the journal


def recipe_of(row: PipelineRow, home: Home) -> Recipe:
    """With the values of its variables. One that has lost them is supervised like any other, but not loaded again."""
    env, spoilt = {name: value for name, value in row.env.items() if value is not None}, ""
    try:
        env |= kept_values(home, row.name, row.env_kept)
    except EnvironmentLost as error:
        spoilt = str(error)
    return Recipe(
        file=row.file,
        name=row.object,
        argv=row.argv,
        cwd=row.cwd,
        python=row.python,
        env=env,
        env_file=row.env_file,
        nodes=row.settings,
        pipeline=row.name,
        spoilt=spoilt,
    )


def node_of(
    spec: NodeSpec, row: NodeRow | None, last: int, whole: Desired, moments: Moments
) -> tuple[NodeState, Desired]:
    """A node as the last daemon left it, and what is wanted of it. What is wanted is taken over without an event:
    nothing about it changes. `last`: the last incarnation number given to a node of this name, known or forgotten."""
    if row is None:
        return replace(new_node(spec, last), desired=whole, wish="added to its pipeline"), "up"
    wanted = cast(Desired, row.desired)
    end = None
    if row.end_reason is not None and row.end_at is not None:
        end = End(row.end_reason, row.end_exit_code, row.end_signal, moments.moment(row.end_at))
    state = new_node(
        spec,
        row.incarnation,
        orphan=row.phase in _MAY_LIVE,
        done=row.done,
        crashed=row.crashed,
        restarts=row.restarts,
        last_end=end,
    )
    return replace(state, desired=effective(whole, wanted), wish="wanted up when the daemon started"), wanted


def removed_node(row: NodeRow, moments: Moments) -> tuple[NodeState, Desired]:
    """A node that was removed from its pipeline, and may not be gone yet. What it was, only its loader knows."""
    unknown = NodeSpec(name=row.name, kind="action", type="", base_type="")
    state, wanted = node_of(unknown, row, row.incarnation, "down", moments)
    return replace(state, wish=REMOVED), wanted


def certain_end(row: NodeRow) -> Exited | None:
    """How an orphan ended, where that needs no looking."""
    if row.boot_id != boot_id():
        return Exited(row.incarnation, None, None, REBOOTED, fault=False)
    return None


def process_of(row: NodeRow) -> tuple[int, float] | None:
    """Pid and start time, where they were written down."""
    return None if row.pid is None or row.started is None else (row.pid, row.started)
