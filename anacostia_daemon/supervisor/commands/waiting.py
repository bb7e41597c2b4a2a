"""Answers that come later: when nodes are ready, or at rest, or it is clear that they will not be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from anacostia_daemon.core.node import NodeState

if TYPE_CHECKING:
    from anacostia_daemon.control.server import Conversation
    from anacostia_daemon.supervisor.daemon import Daemon, Member

_CRASHES = 3  # of one node before it was ready; with a backoff it is clear sooner


def answer_when_ready(
    daemon: Daemon,
    member: Member,
    names: tuple[str, ...],
    conversation: Conversation,
    doing: str,
    result: Any,
    newer_than: dict[str, int] | None = None,
    ends: str = "",
    over: Callable[[], bool] = lambda: True,
) -> None:
    """Answer `result` once all nodes of `names` are ready, in an incarnation above those of `newer_than`; an error
    once one of them failed, keeps crashing, or was stopped meanwhile. `ends` is the command that takes the wish back:
    it stays, though it could not be fulfilled, and whoever reads the error is to know. `over`: what
    else is waited for."""
    restarts = {name: member.pipeline.nodes[name].state.restarts for name in names}
    shown: dict[str, str] = {}

    def look() -> bool:
        states = _states(member, names)
        _show_progress(conversation, states, shown)
        if over() and all(_arrived(state, (newer_than or {}).get(state.name, 0)) for state in states):
            conversation.result(result)
            return True
        for state in states:
            trouble = _trouble(daemon, state, restarts[state.name])
            if trouble:
                log = daemon.home.log_file(member.pipeline.name, state.name)
                hint = f"its log: {log}"
                if ends and "down" not in (state.desired, member.pipeline.desired) and not state.leaving:
                    hint += f"\n{_stays(member.pipeline.name, state, ends)}"
                conversation.error("failed", f"cannot {doing}: {trouble}", hint)
                return True
        return False

    daemon.waiters.add(conversation, look)


def answer_when_at_rest(
    daemon: Daemon, member: Member, names: tuple[str, ...], conversation: Conversation, result: Any
) -> None:
    """Answer `result` once no node of `names` has a process."""
    shown: dict[str, str] = {}

    def look() -> bool:
        states = _states(member, names)
        _show_progress(conversation, states, shown)
        if not all(state.at_rest for state in states):
            return False
        conversation.result(result)
        return True

    daemon.waiters.add(conversation, look)


def answer_when_heard(
    daemon: Daemon, member: Member, names: tuple[str, ...], conversation: Conversation, result: Any, *, paused: bool
) -> None:
    """Answer `result` once each node of `names` that works has said that it is paused, or is not; also once it is no
    longer wanted so."""
    wish = "paused" if paused else "up"
    said = ""

    def look() -> bool:
        nonlocal said
        nodes = [node for name in names if (node := member.pipeline.nodes.get(name)) is not None]
        deaf = [node.state.name for node in nodes if not node.heeds(paused) and node.state.desired == wish]
        if deaf:
            words = f"waiting until it is heard by {', '.join(deaf[:5])}{' and others' if len(deaf) > 5 else ''}"
            if words != said:
                conversation.progress(words)
            said = words
            return False
        conversation.result(result)
        return True

    daemon.waiters.add(conversation, look)


def _states(member: Member, names: tuple[str, ...]) -> list[NodeState]:
    """Of those that no reload has removed meanwhile."""
    nodes = member.pipeline.nodes
    return [nodes[name].state for name in names if name in nodes]


def _arrived(state: NodeState, newer_than: int) -> bool:
    if state.done:
        return True
    return state.phase == "ready" and not state.renew and state.incarnation > newer_than


def _trouble(daemon: Daemon, state: NodeState, restarts_before: int) -> str:
    """Why it is no use to wait for this node."""
    if state.phase == "failed":
        return f"node '{state.name}' failed: {state.reason}"
    if state.desired == "down" or state.leaving:
        return f"node '{state.name}' was stopped meanwhile: {state.wish or state.reason}"
    crashes = state.restarts - restarts_before
    if state.phase == "backoff" or crashes >= _CRASHES:
        cause = state.last_end.reason if state.last_end is not None else state.reason
        return f"node '{state.name}' does not get ready: {cause}; it is tried again as its restart policy says"
    return ""


def _stays(pipeline: str, state: NodeState, ends: str) -> str:
    goes_on = "its other nodes go on" if state.phase == "failed" else "goes on trying"
    return f"pipeline '{pipeline}' stays registered and wanted up, and {goes_on}; `{ends}` ends that"


def _show_progress(conversation: Conversation, states: list[NodeState], shown: dict[str, str]) -> None:
    for state in states:
        if shown.get(state.name) != state.phase:
            if state.name in shown:
                conversation.progress(f"{state.name}: {state.phase} ({state.reason})")
            shown[state.name] = state.phase
