"""How a process ends, and what comes after it: one way for every end, whatever the phase it came in (law 7).

Kill where it must be, keep why, clear the family, and only then decide: down, done, started again, or failed.
"""

from __future__ import annotations

from dataclasses import replace
from signal import SIGKILL

from anacostia_daemon.core import reasons
from anacostia_daemon.core.actions import ClearFamily, Kill
from anacostia_daemon.core.backoff import Budget, spend
from anacostia_daemon.core.events import Exited, LastWords, SpawnFailed
from anacostia_daemon.core.state import End, NodeState
from anacostia_daemon.core.turn import Turn

REKILL = 30.0  # seconds until SIGKILL or the clearing of a family is said again; they take milliseconds as a rule
CLEARING = "; seeing that nothing of it is left"
STUBBORN = "; still there after SIGKILL"


def kill(turn: Turn, reason: str) -> None:
    """It did not do in time what it had to: SIGKILL. Its own fault, unless it was on its way out."""
    state = turn.state
    if state.excused:
        reason = f"{state.reason}; {reason}"
    turn.enter(
        "killing",
        reason,
        within=REKILL,
        crashed=state.crashed or not state.excused,
        budget=_earned(state, state.beat_at),
    )
    turn.do(Kill(state.incarnation))


def insist(turn: Turn) -> None:
    """SIGKILL was not enough so far: a process in an uninterruptible call, a family that grows. Say it again."""
    reason = turn.state.reason.removesuffix(STUBBORN) + STUBBORN
    turn.set(reason=reason, deadline=turn.now + REKILL)
    number = turn.state.incarnation
    turn.do(ClearFamily(number) if turn.state.reaped else Kill(number))


def spawn_failed(turn: Turn, event: SpawnFailed) -> None:
    # The loader may have been lost just after it forked, so there may be a family without a known head.
    turn.set(stillborn=not turn.state.reaped)
    _reap(turn, f"could not be started: {event.message}", None, None, blamed=False)


def exited(turn: Turn, event: Exited) -> None:
    state = turn.state
    if state.phase == "down":
        if not state.orphan and event.incarnation <= state.incarnation:
            return
        number = event.incarnation
        taken = max(number, state.highest)
        turn.set(orphan=False, incarnation=number, highest=taken, excused=False, words=None, stillborn=False)
    if not event.fault:
        turn.set(excused=True)
    said = state.words if state.phase != "down" and _tells(state.words, event.signal) else None
    reason = reasons.last_words(said) if said else reasons.exited(event)
    _reap(turn, reason, event.exit_code, event.signal, blamed=_own_fault(event, said))


def _own_fault(event: Exited, said: LastWords | None) -> bool:
    """Whether it counts as a crash of what it executed: at `max_crashes` that task is given up.

    SIGKILL comes from outside, however often somebody sends it, unless the kernel did for want of memory: that may
    well be the artifact's doing.
    """
    if not event.fault or (said is not None and said.kind in ("fenced", "timeout")):
        return False
    if event.signal is not None:
        return event.signal != SIGKILL or event.out_of_memory
    return event.exit_code is not None  # else nobody knows how it ended


def _tells(words: LastWords | None, number: int | None) -> bool:
    """Whether the words say why it ended; a signal says more, but the one that it sent itself."""
    return number is None or (number == SIGKILL and words is not None and words.kind == "timeout")


def last_words(turn: Turn, event: LastWords) -> None:
    state = turn.state
    if event.kind == "fenced":
        turn.set(highest=max(state.highest, event.current))
    if state.at_rest or state.orphan:
        return
    turn.set(words=event)
    # They come on another socket than the news of its death, so they may come after it.
    if not state.reaped or not state.last_end or state.excused or state.stillborn:
        return
    if _tells(event, state.last_end.signal):
        turn.set(last_end=replace(state.last_end, reason=reasons.last_words(event)))


def _reap(turn: Turn, reason: str, exit_code: int | None, signal: int | None, blamed: bool = True) -> None:
    """It is dead: keep how, and have its family cleared. Said twice, it changes nothing."""
    state = turn.state
    if state.reaped and state.phase == "killing":
        return
    if state.phase in ("killing", "stopping"):  # why it was made to end tells more than how it then did
        reason = state.reason if state.phase == "killing" else f"{state.reason}; {reason}"
    end = End(reason, exit_code, signal, turn.now)
    if state.phase == "stopping":
        reason += CLEARING  # or "killing" would sound as if something had gone wrong
    changes = {"reaped": True, "last_end": end}
    if state.phase == "killing":
        turn.set(deadline=turn.now + REKILL, **changes)
    else:
        crashed = state.crashed or (blamed and not state.excused)
        turn.enter("killing", reason, within=REKILL, crashed=crashed, budget=_earned(state, turn.now), **changes)
    turn.do(ClearFamily(state.incarnation))


def _earned(state: NodeState, alive_at: float | None) -> Budget:
    """Its budget, with the backoff begun anew where it was ready for long enough.

    `alive_at` is when it last gave a sign of life: the silence of a hung node is no health.
    """
    if state.phase != "ready" or state.ready_at is None or alive_at is None:
        return state.budget
    healthy = alive_at - state.ready_at >= state.policy.healthy_after
    return state.budget.healthy() if healthy else state.budget


def after(turn: Turn) -> str | None:
    """Nothing is left of it: what comes now. Returns the reason when the node is to be started again at once."""
    state = turn.state
    outnumbered = _is_outnumbered(state)
    turn.set(pid=None, started=None, ready_at=None, work="", reaped=True)
    if state.must_go or state.excused:
        turn.enter("down", _why_down(state), renew=False)
    elif _was_all(state):
        turn.enter("down", f"{cause(state)}; its restart policy is '{state.policy.when}'", done=True)
    elif state.policy.when == "never" and not outnumbered:
        turn.enter("failed", f"{cause(state)}; its restart policy is 'never'")
    else:
        return _again(turn)
    return None


def _is_outnumbered(state: NodeState) -> bool:
    """Whether it gave way before it was ever ready: the store knows higher numbers, from another home or from before
    the journal was lost. It never began to work, so even a node that is never restarted gets the next number."""
    return state.ready_at is None and state.words is not None and state.words.kind == "fenced"


def _again(turn: Turn) -> str | None:
    state = turn.state
    spent = spend(state.budget, state.policy, turn.now, f"{state.name}/{state.incarnation}", not state.stillborn)
    if spent is None:
        turn.enter("failed", reasons.budget_spent(state.policy, cause(state)))
        return None
    budget, seconds = spent
    turn.set(budget=budget, restarts=state.restarts + 1)
    if seconds == 0:
        return f"started again at once after: {cause(state)}"
    turn.enter("backoff", f"waits {reasons.seconds(round(seconds, 2))} after: {cause(state)}", within=seconds)
    return None


def _was_all(state: NodeState) -> bool:
    """Whether it ended well and its policy wants no more of it."""
    ended_well = state.last_end is not None and state.last_end.exit_code == 0 and not state.stillborn
    return ended_well and state.policy.when in ("never", "on-failure")


def _why_down(state: NodeState) -> str:
    return state.wish if state.must_go and state.wish else cause(state)


def cause(state: NodeState) -> str:
    """Why the last process ended."""
    return state.last_end.reason if state.last_end is not None else state.reason
