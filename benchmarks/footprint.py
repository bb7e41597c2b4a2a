"""What processes take: memory as the share of each (PSS), and processor time to the nanosecond. Linux only."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from pathlib import Path

MIB = 1024.0 * 1024.0


def pss(pid: int) -> float:
    """MiB of memory: what only this process uses, and its part of what it shares."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / MIB
    raise ValueError(f"cannot tell the memory of process {pid}: the kernel says nothing of Pss")


def busy(pids: Iterable[int], seconds: float) -> float:
    """Percent of one core that these processes take together during the next `seconds`."""
    each = list(pids)
    before, began = sum(map(_on_processor, each)), time.monotonic()
    time.sleep(seconds)
    return (sum(map(_on_processor, each)) - before) / (time.monotonic() - began) * 100


def _on_processor(pid: int) -> float:
    """Seconds that all threads of a process have run; ticks, as in /proc/PID/stat, are too coarse for idle ones."""
    nanoseconds = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # a thread that has just ended
            nanoseconds += int((task / "schedstat").read_text().split()[0])
    return nanoseconds / 1e9
