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


def own(pid: int) -> dict[str, float]:
    """MiB that are this process's alone: 'memory' that it wrote to, and 'files' mapped (libraries)."""
    found, part = {"memory": 0.0, "files": 0.0}, "memory"
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            part = "files" if len(words) > 5 and words[5].startswith("/") else "memory"
        elif words[0] in ("Private_Clean:", "Private_Dirty:"):
            found[part] += int(words[1]) * 1024 / MIB
    return found


def busy(pids: Iterable[int], seconds: float) -> dict[int, float]:
    """Percent of one core that each of these processes takes during the next `seconds`."""
    before, began = {pid: on_processor(pid) for pid in pids}, time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - began
    return {pid: (on_processor(pid) - earlier) / passed * 100 for pid, earlier in before.items()}


def on_processor(pid: int) -> float:
    """Seconds that all threads of a process have run; ticks, as in /proc/PID/stat, are too coarse for idle ones."""
    nanoseconds = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # a thread that has just ended
            nanoseconds += int((task / "schedstat").read_text().split()[0])
    return nanoseconds / 1e9
