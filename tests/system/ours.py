"""Run inside of a test host: names every living process there that belongs to Anacostia."""

from __future__ import annotations

import contextlib

import psutil


def show() -> None:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            words = " ".join(process.cmdline())
            node = bool(process.environ().get("ANACOSTIA_MARK", "").strip())
            if process.status() != psutil.STATUS_ZOMBIE and (
                node or "node_sdk.runtime" in words or "anacostia_daemon" in words
            ):
                print(process.pid, words)
