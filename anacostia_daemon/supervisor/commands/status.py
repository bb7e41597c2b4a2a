"""`status`: what is wanted and what is so, of every node. Answers always, whatever else is going on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from anacostia_daemon import __version__
from anacostia_daemon.core.node import End, NodeState
from anacostia_daemon.process.identity import wall_time
from anacostia_daemon.process.usage import usage
from anacostia_daemon.supervisor.commands.asking import Arguments, find_loading, find_pipeline
from anacostia_daemon.supervisor.commands.shapes import iso
from node_sdk.graph import NodeSpec

if TYPE_CHECKING:
    from anacostia_daemon.control.server import Conversation
    from anacostia_daemon.supervisor.daemon import Daemon, Member
    from anacostia_daemon.supervisor.enrolment import Enrolment
    from anacostia_daemon.supervisor.pipeline import Pipeline


def status(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    name = given.maybe_text("pipeline")
    loading = [each for each in daemon.enrolments if name is None or find_loading(daemon, name) is each]
    members = list(daemon.members.values())
    if name is not None:
        members = [] if loading and name not in daemon.members else [find_pipeline(daemon, name, given.doing)]
    shown = {member.pipeline.name: _pipeline(daemon, member) for member in members}
    daemon.cpu.keep(_living(daemon))  # or each process that ever was looked at would be remembered
    for each in loading:
        shown[each.name] = {**shown.get(each.name, {"store": {"uri": None}, "nodes": []}), **_loading(each)}
    conversation.result(
        {
            "daemon": {
                "pid": os.getpid(),
                "version": __version__,
                "started_at": iso(daemon.started_at),
                "home": str(daemon.home.path),
                "shutting_down": daemon.leaving,
                "trouble": daemon.journal_trouble,
            },
            "pipelines": list(shown.values()),
            "not_started": [
                {"name": each.name, "file": each.file, "reason": daemon.listing.trouble(each.name)}
                for each in daemon.listing.pipelines.values()
                if each.autostart and each.name not in daemon.members and name is None
            ],
        }
    )


def _living(daemon: Daemon) -> set[tuple[int, float]]:
    """Pid and start time of the processes of all nodes."""
    states = [node.state for member in daemon.members.values() for node in member.pipeline.nodes.values()]
    return {(each.pid, each.started or 0.0) for each in states if each.pid is not None}


def _loading(enrolment: Enrolment) -> dict[str, Any]:
    """What is known of a pipeline while its file is being loaded."""
    return {
        "name": enrolment.name,
        "file": enrolment.recipe.file,
        "desired": "up",
        "phase": "starting",
        "reason": enrolment.waits_for,
        "loader": {"pid": enrolment.loader_pid, "phase": "loading"},
    }


def _reason(pipeline: Pipeline) -> str:
    """What is the matter with the whole of it; empty where nothing is."""
    if not pipeline.following.foreign or pipeline.keeper.phase != "up":
        return ""
    return f"its file has changed: {pipeline.following.foreign}; `anacostiactl reload {pipeline.name}` takes that up"


def phase_of(pipeline: Pipeline) -> str:
    """The phase of the whole: the worst of its nodes that are wanted, or how far it is on its way down."""
    states = [node.state for node in pipeline.nodes.values()]
    wanted = [state for state in states if not state.must_go and not state.done]
    phases = {state.phase for state in wanted}
    if not wanted:
        return "down" if all(state.at_rest for state in states) else "stopping"
    for worst in ("failed", "backoff", "killing", "stopping", "starting", "down"):
        if worst in phases:
            return "starting" if worst == "down" else worst
    return "ready"


def _pipeline(daemon: Daemon, member: Member) -> dict[str, Any]:
    pipeline = member.pipeline
    return {
        "name": pipeline.name,
        "file": pipeline.keeper.recipe.file,
        "desired": pipeline.desired,
        "phase": phase_of(pipeline),
        "reason": _reason(pipeline),
        "store": {"uri": pipeline.graph.store.uri},
        "loader": {
            "pid": pipeline.keeper.pid,
            "phase": pipeline.keeper.phase,
            "sources": list(pipeline.following.sources),
        },
        "nodes": [_node(daemon, pipeline, spec) for spec in (*pipeline.graph.nodes, *pipeline.removed)],
    }


def _node(daemon: Daemon, pipeline: Pipeline, spec: NodeSpec) -> dict[str, Any]:
    node = pipeline.nodes[spec.name]
    state = node.state
    lives = state.pid is not None and not state.reaped
    used = usage(state.pid) if lives and state.pid is not None else None
    return {
        "name": spec.name,
        "kind": spec.kind,
        "type": spec.type,
        "desired": pipeline.desired_of(spec.name),
        "phase": state.phase,
        "reason": state.reason,
        "done": state.done,
        "pid": state.pid if lives else None,
        "incarnation": state.incarnation,
        "restarts": state.restarts,
        "started_at": iso(_began(daemon, state)) if lives else None,
        "ready_at": iso(daemon.moments.wall(state.ready_at)),
        "last_end": _end(daemon, state.last_end),
        "next_start_at": iso(daemon.moments.wall(state.deadline)) if state.phase == "backoff" else None,
        "log": str(daemon.home.log_file(pipeline.name, spec.name)),
        "work": state.work,
        "cpu_percent": daemon.cpu.percent(state.pid, state.started, used.cpu_seconds) if used and state.pid else None,
        "rss_bytes": used.rss_bytes if used else None,
        "predecessors": list(spec.predecessors),
    }


def _began(daemon: Daemon, state: NodeState) -> float | None:
    """Its process may have stood by before the last one ended; what it is now it has been only since."""
    if state.started is None:
        return None
    ended = daemon.moments.wall(state.last_end.at) if state.last_end else None
    return max(wall_time(state.started), ended or 0.0)


def _end(daemon: Daemon, end: End | None) -> dict[str, Any] | None:
    if end is None:
        return None
    return {
        "reason": end.reason,
        "exit_code": end.exit_code,
        "signal": end.signal,
        "at": iso(daemon.moments.wall(end.at)),
    }
