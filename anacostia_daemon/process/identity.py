"""Which process a pid is: pids are used again, so a pid alone names nobody. A zombie is not alive (law 7 waits for
the living; what only awaits its parent does nothing any more).

Start times are on a clock that nobody sets. Linux: seconds since the machine was booted, exactly as the kernel keeps
them: no jump of the wall clock makes a process look like another (psutil adds the boot time, which jumps along).
Elsewhere: psutil's create_time. Loaders report the same (node_sdk/runtime/start_time.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LINUX = sys.platform.startswith("linux")

# Less than a tick of the kernel's clock. Elsewhere start times may be wall times, which are adjusted all the time.
TOLERANCE = 0.005 if LINUX else 2.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What the process table says of one process."""

    pid: int
    parent: int
    group: int
    session: int
    started: float
    zombie: bool


def facts(pid: int) -> Facts | None:
    """The facts of `pid`, None where there is no such process."""
    return _facts_linux(pid) if LINUX else _facts_elsewhere(pid)


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


def proc_file(pid: int, name: str, size: int = 4096) -> bytes | None:
    """The first `size` bytes of /proc/PID/NAME, None where there is nothing to read. Bare system calls: a family is
    looked for between the death of a node and its restart, in every process of the machine."""
    try:
        fd = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, size)
    except OSError:
        return None
    finally:
        os.close(fd)


def _facts_linux(pid: int) -> Facts | None:
    text = proc_file(pid, "stat")
    if not text:
        return None
    # The command's name stands in parentheses and may hold anything, parentheses too.
    fields = text[text.rindex(b")") + 2 :].split()
    started = int(fields[19]) / _ticks()
    return Facts(pid, int(fields[1]), int(fields[2]), int(fields[3]), started, fields[0] in (b"Z", b"X"))


@cache
def _ticks() -> int:
    return os.sysconf("SC_CLK_TCK")


def _facts_elsewhere(pid: int) -> Facts | None:
    import psutil

    try:
        process = psutil.Process(pid)
        with process.oneshot():
            zombie = process.status() == psutil.STATUS_ZOMBIE
            parent, started = process.ppid(), process.create_time()
        return Facts(pid, parent, os.getpgid(pid), os.getsid(pid), started, zombie)
    except (psutil.Error, OSError):
        return None
