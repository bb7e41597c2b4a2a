"""Run inside of a test host: names every living process there that belongs to Anacostia, or to its unit."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil


def show() -> None:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            words = " ".join(" ".join(process.cmdline()).split())
            marked = bool(process.environ().get("ANACOSTIA_MARK", "").strip())
            ours = "node_sdk.runtime" in words or "anacostia_daemon" in words
            of_unit = "anacostiad.service" in Path(f"/proc/{process.pid}/cgroup").read_text()
            if process.status() != psutil.STATUS_ZOMBIE and (marked or ours or of_unit):
                print(process.pid, words)
