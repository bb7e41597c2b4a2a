"""One step in the making: the state so far and the actions so far. Lives no longer than the step.

Every change of phase goes through `enter`, so none can forget its line in the journal (law 11) or its deadline.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anacostia_daemon.core.actions import Action, Note
from anacostia_daemon.core.events import Desired, Event, word
from anacostia_daemon.core.state import NodeState, Phase

STORY = 8  # lines of the journal that a state carries


class Turn:
    """What one event does to one node at one moment."""

    def __init__(self, state: NodeState, event: Event, now: float) -> None:
        self.state = state
        self.event = event
        self.now = now
        self.actions: list[Action] = []

    def set(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)

    def do(self, action: Action) -> None:
        self.actions.append(action)

    def enter(self, phase: Phase, reason: str, *, within: float | None = None, **changes: Any) -> None:
        """Change the phase; `within` is how many seconds from now its deadline is."""
        self._note(Note(word(type(self.event)), self.state.phase, phase, reason))
        deadline = None if within is None else self.now + within
        self.set(phase=phase, reason=reason, deadline=deadline, **changes)

    def want(self, desired: Desired, reason: str) -> None:
        """Change what is wanted, if it is a change."""
        if desired != self.state.desired:
            self._note(Note("desired", self.state.desired, desired, reason))
            self.set(desired=desired, wish=reason)

    def _note(self, note: Note) -> None:
        self.do(note)
        self.set(story=(*self.state.story, note)[-STORY:])
