"""The daemon's log: plain lines on stderr, with the time. In the background stderr is the home's daemon.log, which the
daemon keeps within bounds; as a service it is the journal, which has a clock of its own and wants to know how grave a
line is. Elsewhere (a terminal) it is somebody else's, and left alone.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import traceback
from pathlib import Path

from anacostia_daemon.service.journald import Level, is_journal, prefixed
from node_sdk.policy import LogPolicy
from node_sdk.rotation import Rotation

_rotation: Rotation | None = None


def rotate(path: Path, policy: LogPolicy | None = None) -> None:
    """Keep the log at `path` as `policy` says, where stderr leads there."""
    global _rotation
    with contextlib.suppress(OSError):
        ours = os.path.samestat(os.fstat(2), path.stat())
        _rotation = Rotation(path, policy or LogPolicy()) if ours else None


def report(text: str, level: Level = "info") -> None:
    """One line (or more) of the log. A log that cannot be written ends nobody."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(prefixed(text, level) if _in_journal() else f"{_stamp(time.time())} {text}\n")
        sys.stderr.flush()
    if _rotation is not None:
        _rotation.look()


def complain(text: str) -> None:
    """An error for whoever started the daemon: without the time on a terminal."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(prefixed(text, "error") if _in_journal() else f"{text}\n")
        sys.stderr.flush()


def report_exception() -> None:
    """The exception that is being handled: a fault of ours, with the way to it."""
    report(traceback.format_exc().rstrip(), "error")


def _stamp(now: float) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now * 1000) % 1000:03d}Z"


def _in_journal() -> bool:
    try:
        return is_journal(sys.stderr.fileno())
    except (AttributeError, OSError, ValueError):  # closed, or not a file
        return False
