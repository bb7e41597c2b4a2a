"""What can happen to a node, as the shell tells the core. Frozen, and free of walls: `step` is given the time.

An event with an `incarnation` speaks of that process only; of any but the present one it is stale and changes nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from node_sdk.graph import NodeSpec

Desired = Literal["up", "down", "paused"]
LastWordsKind = Literal["setup", "fenced", "error", "timeout"]


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""


@dataclass(frozen=True, slots=True)
class OfIncarnation(Event):
    """Base of events that speak of one process of the node."""

    incarnation: int


# ---- what people want


@dataclass(frozen=True, slots=True)
class SetDesired(Event):
    """The node is wanted up, down, or paused (up, but it takes no new work). On a `failed` node: start anew."""

    desired: Desired
    reason: str


@dataclass(frozen=True, slots=True)
class Restart(Event):
    """Stop what runs, then start it again with a fresh budget. A node that was wanted down is wanted up by it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Respec(Event):
    """Its file was loaded again: from its next process on, the node is this."""

    spec: NodeSpec


@dataclass(frozen=True, slots=True)
class Renew(Event):
    """Its process is not what the file says now: as Restart, but what is wanted stays as it is."""

    reason: str


@dataclass(frozen=True, slots=True)
class Shutdown(Event):
    """The daemon ends and takes its nodes with it: the node goes down and stays there; what is wanted is kept."""

    reason: str


# ---- what the plan of the pipeline says (plan.next_events gives these, nobody else)


@dataclass(frozen=True, slots=True)
class MayStart(Event):
    """It is this node's turn to start."""


@dataclass(frozen=True, slots=True)
class MayStop(Event):
    """It is this node's turn to stop: its successors that are to go down are down."""


@dataclass(frozen=True, slots=True)
class Wait(Event):
    """It is not yet this node's turn to start, because of `reason`."""

    reason: str


# ---- what happens to its process


@dataclass(frozen=True, slots=True)
class Spawned(OfIncarnation):
    """The loader started it. `started`: when, on a clock that nobody sets (process/identity.py)."""

    pid: int
    started: float


@dataclass(frozen=True, slots=True)
class SpawnFailed(OfIncarnation):
    """The loader could not start it, or was lost before it said whether it did."""

    message: str


@dataclass(frozen=True, slots=True)
class Found(OfIncarnation):
    """A process from before this daemon lives on, pid and start time verified: it is adopted.

    `ready_at`: when it got ready, on this daemon's clock, where the journal knows.
    """

    pid: int
    started: float
    ready: bool
    ready_at: float | None = None


@dataclass(frozen=True, slots=True)
class Beat(OfIncarnation):
    """It is alive, or was so `at` a moment of this daemon's clock; `ready` once set up; `work` says what it does."""

    ready: bool
    work: str
    at: float | None = None


@dataclass(frozen=True, slots=True)
class LastWords(OfIncarnation):
    """Why it ends by itself. With 'fenced', `current` is the incarnation that the store knows; with 'timeout' it ends
    by SIGKILL, its own, as its task would not let go of it."""

    kind: LastWordsKind
    message: str
    current: int = 0


@dataclass(frozen=True, slots=True)
class Exited(OfIncarnation):
    """It is dead and reaped. `how` adds words ("ended while no daemon watched").

    Neither code nor signal: nobody knows how it ended. `fault=False` where it is surely not the node's own doing
    (the machine was restarted; it was never started): no restart is counted, no attempt of its task either.
    `out_of_memory`: the kernel sent the SIGKILL because memory had run out.
    """

    exit_code: int | None
    signal: int | None
    how: str = ""
    fault: bool = True
    out_of_memory: bool = False


@dataclass(frozen=True, slots=True)
class FamilyGone(OfIncarnation):
    """Nothing is left of the process, its children and theirs (the answer to ClearFamily)."""


@dataclass(frozen=True, slots=True)
class Exceeded(OfIncarnation):
    """It uses more than it may; `what` says of what, how much, and what its limit is."""

    what: str


# ---- time


@dataclass(frozen=True, slots=True)
class Deadline(Event):
    """The node's deadline has passed. Feed what waits in the sockets first: a beat may be among it."""


EVENTS: tuple[type[Event], ...] = (
    SetDesired,
    Restart,
    Respec,
    Renew,
    Shutdown,
    MayStart,
    MayStop,
    Wait,
    Spawned,
    SpawnFailed,
    Found,
    Beat,
    LastWords,
    Exited,
    FamilyGone,
    Exceeded,
    Deadline,
)


def word(event: type[Event]) -> str:
    """The event's name as the journal has it: FamilyGone is 'family-gone'."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", event.__name__).lower()
