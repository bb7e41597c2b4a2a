"""What the figures were measured on, as far as it bears on them. Nothing that names the machine or its owner."""

from __future__ import annotations

import os
import platform
import sqlite3
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import psutil


def machine() -> dict[str, str | int]:
    """For the JSON of a figure and the head of the page."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count() or 1,
        "processor": _processor(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "file_system": file_system(Path(tempfile.gettempdir())),
    }


def busy_with_others() -> list[str]:
    """A line that warns where the machine has more to do than it can, before anything is measured."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load <= cores:
        return []
    return [f"The machine was busy with other things: a load of {load:.0f} on {cores} cores before the first round."]


def file_system(path: Path) -> str:
    """The type of the file system that holds `path`."""
    mounts = [(Path(each.mountpoint), each.fstype) for each in psutil.disk_partitions(all=True)]
    real = path.resolve()
    holding = [(len(point.parts), kind) for point, kind in mounts if real.is_relative_to(point)]
    return max(holding)[1] if holding else "unknown"


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
