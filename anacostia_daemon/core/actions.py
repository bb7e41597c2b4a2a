"""What the core asks the shell to do. The shell writes the new states to the journal first, then performs, in order.

So an incarnation number is on disk before its process exists, and is never given twice.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """Base of all actions."""


@dataclass(frozen=True, slots=True)
class Spawn(Action):
    """Have the loader start this incarnation. Answered by Spawned or SpawnFailed, later by Exited.

    `crashed`: an earlier incarnation ended by its own fault and none has been ready since.
    """

    incarnation: int
    paused: bool
    crashed: bool


@dataclass(frozen=True, slots=True)
class Terminate(Action):
    """SIGTERM to the process group. Nothing to do where the pid is not known yet: it is said again when it is."""

    incarnation: int


@dataclass(frozen=True, slots=True)
class Kill(Action):
    """SIGKILL to the process group. Nothing to do where the pid is not known yet: it is said again when it is."""

    incarnation: int


@dataclass(frozen=True, slots=True)
class ClearFamily(Action):
    """Kill whatever is left of the process's family; answered by FamilyGone once nothing is. May be asked twice."""

    incarnation: int


@dataclass(frozen=True, slots=True)
class Tell(Action):
    """Send the process SetPaused(paused)."""

    paused: bool


@dataclass(frozen=True, slots=True)
class Note(Action):
    """One line for the journal.

    `event` is 'desired' where `from_` and `to` are what is wanted, else the name of the event that changed the phase.
    """

    event: str
    from_: str
    to: str
    reason: str
