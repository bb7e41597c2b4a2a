"""One node, one event, one moment: what comes of it. The front of the core: `new_node`, `step`.

`step` is pure: the same arguments give the same answer. It decides; the shell does.
"""

from __future__ import annotations

from anacostia_daemon.core.actions import Action
from anacostia_daemon.core.events import Deadline, Event, Exited, Found, OfIncarnation
from anacostia_daemon.core.phases import TABLE, Handled, Ignored, Impossible
from anacostia_daemon.core.state import End, NodeState, Phase, new_node
from anacostia_daemon.core.transitions import HANDLERS
from anacostia_daemon.core.turn import Turn

__all__ = ["End", "InvalidTransition", "NodeState", "Phase", "new_node", "step"]


class InvalidTransition(Exception):
    """The shell said something that cannot be. The node's state is as it was; the daemon has a fault to be mended."""

    def __init__(self, state: NodeState, event: Event, why: str) -> None:
        story = " | ".join(f"{each.event}: {each.from_} to {each.to} ({each.reason})" for each in state.story)
        super().__init__(
            f"cannot take {event} for node '{state.name}' in phase '{state.phase}': {why}. "
            f"This is a fault of the daemon; the node stays as it is. What came before: {story or 'nothing'}"
        )
        self.state = state
        self.event = event


def step(state: NodeState, event: Event, now: float) -> tuple[NodeState, tuple[Action, ...]]:
    """The next state of the node and what is to be done, in order; InvalidTransition where the event cannot be.

    `now` is the daemon's monotonic clock, in seconds; it never goes back.
    """
    if _is_stale(state, event, now):
        return state, ()
    verdict = TABLE[state.phase, type(event)]
    if isinstance(verdict, Ignored):
        return state, ()
    if isinstance(verdict, Impossible):
        raise InvalidTransition(state, event, verdict.why)
    turn = Turn(state, event, now)
    HANDLERS[type(event)](turn, event)
    _check(state, turn.state, event, verdict)
    return turn.state, tuple(turn.actions)


def _is_stale(state: NodeState, event: Event, now: float) -> bool:
    """Whether the event speaks of another process than the present one, or of a deadline that was moved."""
    if isinstance(event, Deadline):
        return state.deadline is not None and now < state.deadline
    if not isinstance(event, OfIncarnation):
        return False
    if isinstance(event, (Found, Exited)) and state.phase == "down":
        # A journal that was lost knows less than the loader: a newer process than we know of is taken as it is.
        return event.incarnation < state.incarnation
    return event.incarnation != state.incarnation


def _check(before: NodeState, after: NodeState, event: Event, verdict: Handled) -> None:
    """The table and the functions agree, or the step did not happen."""
    if after.phase != before.phase and after.phase not in verdict.to:
        raise InvalidTransition(before, event, f"the table has no way from here to '{after.phase}'")
    if (after.deadline is None) != (after.phase in ("down", "failed")):
        raise InvalidTransition(before, event, f"phase '{after.phase}' with deadline {after.deadline}")
