"""When a node got ready, as the daemon wrote it down: looked up in the journal's file long after, so that nobody is
slowed down by being watched. `ready` is the moment in which the daemon has heard, and decided, that it is.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass

from benchmarks.harness import Daemon
from benchmarks.harness.daemon import wait_for

STOOD = 0.25  # seconds that a node has been ready before it is killed: each supervisor has come to rest by then
REST = 0.06  # seconds before the first look; most restarts are over by then

_READY = "SELECT pid, incarnation, ready_at FROM nodes WHERE pipeline = ? AND name = ? AND phase = 'ready'"


@dataclass(frozen=True)
class Kill:
    """A SIGKILL at `at`, and `ready` of the next incarnation; both on the monotonic clock of the machine."""

    at: float
    ready: float

    @property
    def ms(self) -> float:
        return (self.ready - self.at) * 1000


def kill(ours: Daemon, pipeline: str, node: str) -> Kill:
    """Kill the node once it has stood for a while, and wait until it is ready again."""
    time.sleep(STOOD)
    ((pid, before, _),) = wait_for(lambda: ours.journal(_READY, pipeline, node), f"{pipeline}/{node} is ready")
    wall, began = time.time(), time.monotonic()  # the journal is on the former
    os.kill(pid, signal.SIGKILL)
    time.sleep(REST)

    def ready() -> float:
        rows = ours.journal(_READY, pipeline, node)
        return float(rows[0][2]) if rows and rows[0][1] > before else 0.0

    return Kill(began, began + wait_for(ready, f"{pipeline}/{node} is ready again") - wall)
