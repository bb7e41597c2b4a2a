"""SIGKILL of a node until its replacement is ready."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.harness import Daemon, Figure, daemon, rounds, take_turns, talk
from benchmarks.harness.daemon import wait_for
from benchmarks.pipelines import one_action

LIMIT = Path(__file__).with_name("limits") / "fork.py"


def measure() -> Iterator[Figure]:
    with ExitStack() as stack:
        ours = stack.enter_context(daemon())
        limit = stack.enter_context(talk(sys.executable, LIMIT))
        ours.start(one_action("bare"), ours.root)
        found = take_turns({"anacostia": lambda: kill(ours, "bare"), "limit": lambda: limit.ask("restart")}, rounds(30))
    yield Figure("restart", "SIGKILL of a node until its replacement is ready", "ms", found)


def kill(ours: Daemon, pipeline: str) -> float:
    query = "SELECT ready_at, incarnation, pid FROM nodes WHERE pipeline = ? AND name = 'work' AND phase = 'ready'"
    ((_, before, pid),) = ours.journal(query, pipeline)
    began = time.time()
    os.kill(pid, signal.SIGKILL)

    def ready() -> float:
        rows = ours.journal(query, pipeline)
        return rows[0][0] if rows and rows[0][1] > before else 0.0

    time.sleep(0.05)
    return (wait_for(ready, "ready") - began) * 1000
