"""How much a process uses: CPU time and resident memory, for people who look at the status."""

from __future__ import annotations

import os
from dataclasses import dataclass

from node_sdk.osprocess import LINUX, proc_file


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds since its start, all threads; resident bytes."""

    cpu_seconds: float
    rss_bytes: int


def usage(pid: int) -> Usage | None:
    """None where the process is gone. On Linux read here: psutil would stay in the daemon's memory for good."""
    return _usage_linux(pid) if LINUX else _usage_elsewhere(pid)


def _usage_linux(pid: int) -> Usage | None:
    text = proc_file(pid, "stat")
    if not text:
        return None
    fields = text[text.rindex(b")") + 2 :].split()
    ticks = int(fields[11]) + int(fields[12])
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), int(fields[21]) * os.sysconf("SC_PAGE_SIZE"))


def _usage_elsewhere(pid: int) -> Usage | None:
    import psutil

    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        return Usage(times.user + times.system, process.memory_info().rss)
    except (psutil.Error, OSError):
        return None
