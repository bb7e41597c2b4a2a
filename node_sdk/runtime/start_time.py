"""When a process began, exactly as psutil.Process(pid).create_time() says it: with the pid it names a process for good.

Computed here on Linux, because importing psutil would cost each start of a loader 25 ms.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def start_time(pid: int) -> float:
    """Seconds since the epoch. ProcessLookupError where there is no such process."""
    if not sys.platform.startswith("linux"):
        return _by_psutil(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError as error:
        raise ProcessLookupError(f"no process {pid}") from error
    ticks = int(stat[stat.rindex(b")") + 2 :].split()[19])
    return ticks / os.sysconf("SC_CLK_TCK") + _boot_time()


def _boot_time() -> float:
    for line in Path("/proc/stat").read_bytes().splitlines():
        if line.startswith(b"btime"):
            return float(line.split()[1])
    raise RuntimeError("cannot tell when this machine was booted: /proc/stat has no line 'btime'")


def _by_psutil(pid: int) -> float:
    import psutil

    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess as error:
        raise ProcessLookupError(f"no process {pid}") from error
