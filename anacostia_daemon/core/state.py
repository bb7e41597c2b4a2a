"""What the supervisor knows about one node: what is wanted and what is so, kept apart (law 11). Data, no decisions.

Moments (`deadline`, `ready_at`, …) are on the daemon's monotonic clock; the shell puts wall times beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from anacostia_daemon.core.actions import Note
from anacostia_daemon.core.backoff import Budget
from anacostia_daemon.core.events import Desired, LastWords
from node_sdk.graph import NodeSpec
from node_sdk.policy import RestartPolicy

Phase = Literal["down", "starting", "ready", "stopping", "killing", "backoff", "failed"]


@dataclass(frozen=True, slots=True)
class End:
    """How an incarnation ended. Neither code nor signal: nobody knows, or it never ran."""

    reason: str
    exit_code: int | None
    signal: int | None
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState:
    """One node. `step` makes the next one of it; nothing else does.

    The shell shows `phase`, `reason`, `pid`, `incarnation`, `restarts`, `work`, `ready_at`, `last_end`, and wakes
    `step` with Deadline when `deadline` passes. It reads the rest only to keep it in the journal.
    """

    spec: NodeSpec

    # what is wanted
    desired: Desired = "down"
    wish: str = ""  # why that is wanted, in words
    renew: bool = False  # stop what runs, then start anew (Restart, Renew)
    next_spec: NodeSpec | None = None  # what its next process is to be, where that is another (Respec)
    leaving: bool = False  # the daemon ends; go down whatever is wanted (Shutdown)

    # what is so
    phase: Phase = "down"
    reason: str = "never started"  # why it is in this phase
    deadline: float | None = None  # set in every phase that waits for something
    done: bool = False  # it ended, and its policy says that this was all
    orphan: bool = False  # `incarnation` may live on from an earlier daemon: Found or Exited will tell
    last_end: End | None = None
    restarts: int = 0  # how often it was started again without being told to
    budget: Budget = field(default_factory=Budget)
    crashed: bool = False  # an incarnation ended by its own fault, and none has been ready since
    highest: int = 0  # the highest incarnation number known to be taken
    story: tuple[Note, ...] = ()  # the last lines of the journal about it; errors carry them

    # its process: the incarnation that runs, or the last one that did
    incarnation: int = 0
    pid: int | None = None
    started: float | None = None  # start time as the system says it: with the pid, the process's identity
    start_by: float | None = None  # ready by then, or killed
    ready_at: float | None = None
    beat_at: float | None = None
    told_paused: bool | None = None  # what it was last told; None where nobody knows
    work: str = ""
    words: LastWords | None = None
    excused: bool = False  # its end is not its own fault: it was asked to end, or the machine was restarted
    stillborn: bool = False  # it could not be started at all
    reaped: bool = False  # in `killing`: it is dead; its family may not be

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def policy(self) -> RestartPolicy:
        return self.spec.restart

    @property
    def must_go(self) -> bool:
        """Whether its process, if there is one, is to end."""
        return self.desired == "down" or self.renew or self.leaving

    @property
    def wants_start(self) -> bool:
        """Whether it is down and should not be. An orphan's fate must be known first: never two processes (law 7)."""
        return self.phase == "down" and self.desired != "down" and not (self.leaving or self.done or self.orphan)

    @property
    def at_rest(self) -> bool:
        """Whether there is surely no process."""
        return self.phase in ("down", "backoff", "failed") and not self.orphan


def new_node(
    spec: NodeSpec,
    incarnation: int = 0,
    *,
    desired: Desired = "down",
    orphan: bool = False,
    done: bool = False,
    crashed: bool = False,
    restarts: int = 0,
    last_end: End | None = None,
) -> NodeState:
    """A node as a daemon that starts knows it: down, and from there by the same events as ever (law 2).

    `incarnation` is the last number that was given. `orphan=True` where the journal did not see it end (its phase
    there is starting, ready, stopping or killing): feed Found when the process lives, Exited when not; until then
    the node is not started. With `desired` from the journal no SetDesired is needed, and should not be fed: that is
    what a person says, and it starts anew what had failed or was done.
    """
    return NodeState(
        spec=spec,
        desired=desired,
        wish=f"wanted {desired} when the daemon started",
        incarnation=incarnation,
        highest=incarnation,
        orphan=orphan,
        done=done,
        crashed=crashed,
        restarts=restarts,
        last_end=last_end,
        reason="never started" if incarnation == 0 else "not looked at yet",
    )
