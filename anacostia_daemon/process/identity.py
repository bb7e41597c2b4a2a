"""Which process a pid is: pids are used again, so a pid alone names nobody. A zombie is not alive (law 7 waits for
the living; what only awaits its parent does nothing any more).

Start times are on a clock that nobody sets, the same that loaders report (node_sdk/osprocess.py).
"""

from __future__ import annotations

import subprocess
import time
from functools import cache
from pathlib import Path

from node_sdk.osprocess import LINUX, facts

# Less than a tick of the kernel's clock. Elsewhere start times may be wall times, which are adjusted all the time.
TOLERANCE = 0.005 if LINUX else 2.0


def start_time(pid: int) -> float | None:
    """When `pid` began, on the clock of start times; None where nothing lives there."""
    found = facts(pid)
    return None if found is None or found.zombie else found.started


def now() -> float:
    """This moment, on the clock of start times."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if LINUX else time.time()


def wall_time(started: float) -> float:
    """A start time as people read it: seconds since the epoch. The same for as long as this process lives."""
    return started + _epoch()


@cache
def _epoch() -> float:
    return time.time() - now()


def is_alive(pid: int, started: float) -> bool:
    """Whether the process that began at `started` as `pid` still lives."""
    now = start_time(pid)
    return now is not None and abs(now - started) < TOLERANCE


@cache
def boot_id() -> str:
    """Changes with each boot of the machine: processes of another boot are gone."""
    if LINUX:
        try:
            return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except OSError:
            return "unknown"  # not the boot time: that moves when the clock is set, and would bury the living
    shown = subprocess.run(["sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, check=False)
    return shown.stdout.strip() or "unknown"
