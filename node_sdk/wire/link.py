"""Node and daemon: readiness, heartbeats and last words one way; pause, resume and cancelled runs the other.

Each beat says everything again, so a daemon that has just come back knows the node after one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from node_sdk.wire.codec import Message


@dataclass(frozen=True, slots=True)
class NodeMessage(Message):
    """Base of what a node process says to the daemon."""

    pipeline: str
    node: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class Beat(NodeMessage):
    """I am alive; `ready` once setup is done; `work` says in a few words what the node does now. Of a
    store: how many runs have ended since its process began, how many of those as failed, and how often anything of
    runs, tasks or artifacts has changed. `paused`: it takes up no new work, and offers none; None: an older node,
    which does not say."""

    ready: bool
    work: str
    ended_runs: int = 0
    failed_runs: int = 0
    moves: int = 0
    paused: bool | None = None


@dataclass(frozen=True, slots=True)
class LastWords(NodeMessage):
    """Why this process ends by itself: kind 'setup' (setup() raised), 'fenced', 'error' (our own code failed),
    'timeout' (its main thread was called back from a task and did not come; it ends by SIGKILL)."""

    kind: Literal["setup", "fenced", "error", "timeout"]
    message: str
    current: int = 0  # with 'fenced': the incarnation that the store knows


@dataclass(frozen=True, slots=True)
class DaemonMessage(Message):
    """Base of what the daemon says to a node process."""


@dataclass(frozen=True, slots=True)
class SetPaused(DaemonMessage):
    """Take up no new work (True), or go on (False)."""

    paused: bool


@dataclass(frozen=True, slots=True)
class CancelTask(DaemonMessage):
    """The run was cancelled (that is durable): give up the task, where it is being executed or waits."""

    run_id: int
