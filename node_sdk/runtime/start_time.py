"""When a process began, on a clock that nobody sets: with the pid it names a process for good.

Linux: seconds since the machine was booted, as the kernel keeps them; a wall time would move when the clock is set.
Elsewhere: psutil's create_time. The daemon measures the same (anacostia_daemon/process/identity.py).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def start_time(pid: int) -> float:
    """Seconds. ProcessLookupError where there is no such process."""
    if not sys.platform.startswith("linux"):
        return _by_psutil(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError as error:
        raise ProcessLookupError(f"no process {pid}") from error
    ticks = int(stat[stat.rindex(b")") + 2 :].split()[19])
    return ticks / os.sysconf("SC_CLK_TCK")


def _by_psutil(pid: int) -> float:
    import psutil

    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess as error:
        raise ProcessLookupError(f"no process {pid}") from error
