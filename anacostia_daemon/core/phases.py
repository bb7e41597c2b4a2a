"""The table of supervision: what may happen in which phase, as data. Its laws:

1. Each (phase, event) is in exactly one of: handled, ignored, impossible. Nothing is left to chance or to `else`.
2. An event of another incarnation than the present one is stale and ignored, whatever the table says.
3. There is no way to `starting` but from `down`, from `backoff`, or from `killing` by FamilyGone: nobody is dead
   until reaped, and its family with it.
4. Every phase but `down` and `failed` waits for something, and has a deadline.
5. Impossible means that the shell is wrong; `step` raises, and the error carries the story.

docs/lifecycle.md is drawn from here (`python -m anacostia_daemon.core.draw`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from anacostia_daemon.core.events import (
    Beat,
    Deadline,
    Event,
    Exceeded,
    Exited,
    FamilyGone,
    Found,
    LastWords,
    MayStart,
    MayStop,
    Renew,
    Respec,
    Restart,
    SetDesired,
    Shutdown,
    Spawned,
    SpawnFailed,
    Wait,
)
from anacostia_daemon.core.state import Phase

PHASES: tuple[Phase, ...] = get_args(Phase)

MEANING: Mapping[Phase, str] = {
    "down": "no process; not wanted, done, or waiting for its turn",
    "starting": "a process is asked for or exists, and has not said that it is ready",
    "ready": "the process said that it is ready, and beats",
    "stopping": "asked to end with SIGTERM",
    "killing": "sent SIGKILL, or dead already; its family is being cleared",
    "backoff": "no process; waits before it is started again",
    "failed": "no process; its restarts are spent, and it stays so until somebody asks",
}


@dataclass(frozen=True, slots=True)
class Handled:
    """What is done, and the phases that it may lead to (staying is always possible)."""

    what: str
    to: tuple[Phase, ...] = ()


@dataclass(frozen=True, slots=True)
class Ignored:
    """Changes nothing, because …"""

    why: str


@dataclass(frozen=True, slots=True)
class Impossible:
    """Cannot happen unless the shell is wrong, because …"""

    why: str


Verdict = Handled | Ignored | Impossible

_LATE = Ignored("late: this process is gone")
_SECOND = Impossible("a process may be there; a second one must not be")
_NONE = Impossible("there is no process to stop")
_ASKED = Impossible("it has been asked already")
_NOT_WAITING = Impossible("it does not wait to be started")
_NO_DEADLINE = Impossible("nothing is waited for, so there is no deadline")
_UNASKED = Impossible("nobody asked for its family to be cleared while it lives")
_ALIVE = Impossible("this process was seen to be gone, and its family with it")
_WISH = Handled("the wish is kept for when it is gone")
_ORDERED = Handled("the wish is kept; MayStop comes when its successors are down")
_IDENTITY = Handled("its pid is kept")
_WORDS = Handled("kept as the reason of its end")
_TAKEN = Handled("'fenced': higher incarnation numbers are taken; else nothing")
_SPEC = Handled("kept for its next process")
_REAPED = Handled("its end is kept, its family cleared", to=("killing",))
_TOO_MUCH = Handled("Kill: it used more than it may; a crash", to=("killing",))
_STILLBORN = Handled("counts as a crash; its family is cleared", to=("killing",))

_ROWS: Mapping[type[Event], Mapping[Phase, Verdict]] = {
    SetDesired: {
        "down": Handled("the wish is kept; MayStart comes when its predecessors are ready"),
        "starting": _ORDERED,
        "ready": Handled("the wish is kept; up, paused: the process is told; down: MayStop comes in its turn"),
        "stopping": _WISH,
        "killing": _WISH,
        "backoff": Handled("down: it is not started again", to=("down",)),
        "failed": Handled("up: it starts anew, with a fresh budget; down: so be it", to=("down",)),
    },
    Restart: {
        "down": Handled("it is wanted up, with a fresh budget"),
        "starting": _ORDERED,
        "ready": _ORDERED,
        "stopping": _WISH,
        "killing": _WISH,
        "backoff": Handled("it starts anew, with a fresh budget", to=("down",)),
        "failed": Handled("it starts anew, with a fresh budget", to=("down",)),
    },
    Respec: dict.fromkeys(PHASES, _SPEC),
    Renew: {
        "down": Handled("a fresh budget; it is started if it is wanted up"),
        "starting": _ORDERED,
        "ready": _ORDERED,
        "stopping": _WISH,
        "killing": _WISH,
        "backoff": Handled("it starts anew, with a fresh budget", to=("down",)),
        "failed": Handled("it starts anew, with a fresh budget", to=("down",)),
    },
    Shutdown: {
        "down": Handled("it stays down"),
        "starting": _ORDERED,
        "ready": _ORDERED,
        "stopping": _WISH,
        "killing": _WISH,
        "backoff": Handled("it is not started again", to=("down",)),
        "failed": Handled("it stays failed"),
    },
    MayStart: {
        "down": Handled("Spawn, if it is still wanted", to=("starting",)),
        "starting": _SECOND,
        "ready": _SECOND,
        "stopping": _SECOND,
        "killing": _SECOND,
        "backoff": Impossible("its own deadline starts it"),
        "failed": Impossible("its restarts are spent"),
    },
    MayStop: {
        "down": _NONE,
        "starting": Handled("Terminate, if it still must go", to=("stopping",)),
        "ready": Handled("Terminate, if it still must go", to=("stopping",)),
        "stopping": _ASKED,
        "killing": _ASKED,
        "backoff": _NONE,
        "failed": _NONE,
    },
    Wait: {
        "down": Handled("the reason says what it waits for"),
        "starting": _NOT_WAITING,
        "ready": _NOT_WAITING,
        "stopping": _NOT_WAITING,
        "killing": _NOT_WAITING,
        "backoff": _NOT_WAITING,
        "failed": _NOT_WAITING,
    },
    Spawned: {
        "down": _LATE,
        "starting": _IDENTITY,
        "ready": _IDENTITY,
        "stopping": Handled("its pid is kept; Terminate again, now that it is known"),
        "killing": Handled("its pid is kept; Kill again, now that it is known"),
        "backoff": _LATE,
        "failed": _LATE,
    },
    SpawnFailed: {
        "down": _LATE,
        "starting": _STILLBORN,
        "ready": _STILLBORN,
        "stopping": _STILLBORN,
        "killing": Handled("it never lived; its family is cleared all the same"),
        "backoff": _LATE,
        "failed": _LATE,
    },
    Found: {
        "down": Handled("it is adopted", to=("starting", "ready")),
        "starting": _IDENTITY,
        "ready": _IDENTITY,
        "stopping": Handled("its pid is kept; Terminate again"),
        "killing": Handled("its pid is kept; Kill again"),
        "backoff": _ALIVE,
        "failed": _ALIVE,
    },
    Beat: {
        "down": Ignored("late, or it is adopted soon"),
        "starting": Handled("ready when it says so; the next is due in heartbeat_timeout", to=("ready",)),
        "ready": Handled("the next is due in heartbeat_timeout"),
        "stopping": Handled("its work is kept; the deadline stands"),
        "killing": Ignored("it is not believed any more"),
        "backoff": _LATE,
        "failed": _LATE,
    },
    LastWords: {
        "down": _TAKEN,
        "starting": _WORDS,
        "ready": _WORDS,
        "stopping": _WORDS,
        "killing": _WORDS,
        "backoff": _TAKEN,
        "failed": _TAKEN,
    },
    Exited: {
        "down": Handled("an orphan's end is kept, its family cleared; else late", to=("killing",)),
        "starting": _REAPED,
        "ready": _REAPED,
        "stopping": _REAPED,
        "killing": Handled("its end is kept, its family cleared"),
        "backoff": _LATE,
        "failed": _LATE,
    },
    FamilyGone: {
        "down": _LATE,
        "starting": _UNASKED,
        "ready": _UNASKED,
        "stopping": _UNASKED,
        "killing": Handled(
            "once it is reaped: down where it must go, was asked to or is done; else started again as its policy says",
            to=("down", "starting", "backoff", "failed"),
        ),
        "backoff": _LATE,
        "failed": _LATE,
    },
    Exceeded: {
        "down": _LATE,
        "starting": _TOO_MUCH,
        "ready": _TOO_MUCH,
        "stopping": Handled("Kill: it must not take more on its way out", to=("killing",)),
        "killing": Ignored("it is being killed"),
        "backoff": _LATE,
        "failed": _LATE,
    },
    Deadline: {
        "down": _NO_DEADLINE,
        "starting": Handled("Kill: not ready in time, or its heartbeat stopped; a crash", to=("killing",)),
        "ready": Handled("Kill: its heartbeat stopped; a crash", to=("killing",)),
        "stopping": Handled("Kill: it did not stop in time", to=("killing",)),
        "killing": Handled("Kill, or clear its family, again"),
        "backoff": Handled("Spawn", to=("starting",)),
        "failed": _NO_DEADLINE,
    },
}

TABLE: Mapping[tuple[Phase, type[Event]], Verdict] = {
    (phase, event): verdict for event, row in _ROWS.items() for phase, verdict in row.items()
}
