"""What is done where the table says `handled`: one function per event. Pure; `step` calls them, nobody else.

A process that ended, by whatever way, goes through `killing` until its family is gone; what comes then is decided
in one place, `ends.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from anacostia_daemon.core import ends, reasons
from anacostia_daemon.core.actions import Kill, Spawn, Tell, Terminate
from anacostia_daemon.core.backoff import Budget
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
from anacostia_daemon.core.turn import Turn

ADOPTION_GRACE = 10.0  # seconds; an adopted process finds the way to its new daemon first, and beats then


# ---- what people want


def set_desired(turn: Turn, event: SetDesired) -> None:
    before = turn.state.desired
    turn.want(event.desired, event.reason)
    phase = turn.state.phase
    if event.desired == "down":
        turn.set(renew=False)
        if phase in ("backoff", "failed"):
            turn.enter("down", event.reason)
        elif phase == "down" and before != "down":
            turn.set(reason=event.reason, done=False)
    elif phase == "ready":
        _tell(turn)
    # Pause and resume say nothing about a node that failed or is done; "start" does.
    elif phase == "failed" and event.desired == "up":
        turn.enter("down", event.reason, budget=Budget(), wish=event.reason)
    elif phase == "down" and (before == "down" or (before == "up" and event.desired == "up" and turn.state.done)):
        turn.set(reason=event.reason, done=False, budget=Budget(), wish=event.reason)


def restart(turn: Turn, event: Restart) -> None:
    turn.want("up" if turn.state.desired == "down" else turn.state.desired, event.reason)
    turn.set(budget=Budget(), done=False, wish=event.reason)
    phase = turn.state.phase
    if phase in ("backoff", "failed"):
        turn.enter("down", event.reason)
    elif phase == "down":
        turn.set(reason=event.reason)
    else:
        turn.set(renew=True)


def respec(turn: Turn, event: Respec) -> None:
    turn.set(next_spec=None if event.spec == turn.state.spec else event.spec)


def renew(turn: Turn, event: Renew) -> None:
    turn.set(budget=Budget(), done=False)
    if turn.state.desired != "down":
        restart(turn, Restart(event.reason))


def shutdown(turn: Turn, event: Shutdown) -> None:
    turn.set(leaving=True, wish=event.reason)
    if turn.state.phase == "backoff":
        turn.enter("down", event.reason)


# ---- whose turn it is


def may_start(turn: Turn, event: MayStart) -> None:
    if turn.state.wants_start:
        spawn(turn, turn.state.wish or "wanted up")


def may_stop(turn: Turn, event: MayStop) -> None:
    if turn.state.must_go:
        turn.enter("stopping", turn.state.wish, within=turn.state.spec.stop_timeout, excused=True)
        turn.do(Terminate(turn.state.incarnation))


def wait(turn: Turn, event: Wait) -> None:
    turn.set(reason=event.reason)


# ---- the life of a process


def spawn(turn: Turn, reason: str) -> None:
    """Start the next incarnation. Whoever calls this knows that none is left of the last one."""
    number = max(turn.state.incarnation, turn.state.highest) + 1
    paused = turn.state.desired == "paused"
    spec = turn.state.next_spec or turn.state.spec
    timeout = spec.start_timeout
    fresh = {
        **_fresh(number),
        "spec": spec,
        "next_spec": None,
        "highest": number,
        "start_by": turn.now + timeout,
        "told_paused": paused,
    }
    turn.enter("starting", reason, within=timeout, **fresh)
    turn.do(Spawn(number, paused, turn.state.crashed))


def spawned(turn: Turn, event: Spawned | Found) -> None:
    if turn.state.reaped:
        return
    turn.set(pid=event.pid, started=event.started)
    # What was asked before its pid was known has reached nobody.
    if turn.state.phase == "stopping":
        turn.do(Terminate(event.incarnation))
    elif turn.state.phase == "killing":
        turn.do(Kill(event.incarnation))


def found(turn: Turn, event: Found) -> None:
    if turn.state.phase != "down":
        spawned(turn, event)
        return
    spec = turn.state.spec
    fresh = {**_fresh(event.incarnation), "pid": event.pid, "started": event.started, "orphan": False, "done": False}
    fresh["highest"] = max(event.incarnation, turn.state.highest)
    if event.ready:
        fresh["ready_at"] = turn.now if event.ready_at is None else event.ready_at
        fresh["crashed"] = False
        within = max(spec.heartbeat_timeout, ADOPTION_GRACE)
    else:
        within = max(spec.start_timeout, ADOPTION_GRACE)
        fresh["start_by"] = turn.now + within
    phase: Phase = "ready" if event.ready else "starting"
    turn.enter(phase, f"adopted: process {event.pid} lived on without a daemon", within=within, **fresh)


def beat(turn: Turn, event: Beat) -> None:
    timeout = turn.state.spec.heartbeat_timeout
    at = turn.now if event.at is None else max(min(event.at, turn.now), turn.state.beat_at or event.at)
    turn.set(beat_at=at, work=event.work)
    phase = turn.state.phase
    if phase == "ready":
        turn.set(deadline=at + timeout)
    elif phase == "starting" and event.ready:
        turn.enter("ready", "set up", within=timeout, ready_at=turn.now, crashed=False)
    elif phase == "starting" and turn.state.start_by is not None:
        # Who has begun to beat does not stop, whatever its setup() is busy with.
        turn.set(deadline=min(turn.state.start_by, at + timeout))
    if turn.state.phase == "ready":
        _tell(turn)


def deadline(turn: Turn, event: Deadline) -> None:
    phase = turn.state.phase
    if phase == "backoff":
        spawn(turn, f"started again after: {ends.cause(turn.state)}")
    elif phase == "killing":
        ends.insist(turn)
    else:
        ends.kill(turn, _overdue(turn))


def _overdue(turn: Turn) -> str:
    """What did not happen in time."""
    state = turn.state
    if state.phase == "stopping":
        return reasons.not_stopped(state.spec.stop_timeout)
    if state.phase == "starting" and state.start_by is not None and turn.now >= state.start_by:
        return reasons.not_ready(state.spec.start_timeout)
    return reasons.no_heartbeat(state.spec.heartbeat_timeout)


def exceeded(turn: Turn, event: Exceeded) -> None:
    ends.kill(turn, event.what)


def family_gone(turn: Turn, event: FamilyGone) -> None:
    if turn.state.reaped:  # else it is an answer to nothing: a family is not gone while its head lives
        again = ends.after(turn)
        if again is not None:
            spawn(turn, again)


def _fresh(incarnation: int) -> dict[str, Any]:
    """What is known of a process that nothing has been heard of."""
    return {
        "incarnation": incarnation,
        "pid": None,
        "started": None,
        "start_by": None,
        "ready_at": None,
        "beat_at": None,
        "told_paused": None,
        "work": "",
        "words": None,
        "excused": False,
        "stillborn": False,
        "reaped": False,
    }


def _tell(turn: Turn) -> None:
    """Tell a ready process whether it is paused, unless it knows.

    Not before this daemon has heard of it: until it beats there is no way to it, and the word would be lost.
    """
    paused = turn.state.desired == "paused"
    if turn.state.told_paused != paused and turn.state.beat_at is not None:
        turn.set(told_paused=paused)
        turn.do(Tell(paused))


HANDLERS: Mapping[type[Event], Callable[[Turn, Any], None]] = {
    SetDesired: set_desired,
    Restart: restart,
    Respec: respec,
    Renew: renew,
    Shutdown: shutdown,
    MayStart: may_start,
    MayStop: may_stop,
    Wait: wait,
    Spawned: spawned,
    SpawnFailed: ends.spawn_failed,
    Found: found,
    Beat: beat,
    LastWords: ends.last_words,
    Exited: ends.exited,
    FamilyGone: family_gone,
    Exceeded: exceeded,
    Deadline: deadline,
}
