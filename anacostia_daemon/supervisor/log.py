"""The daemon's log: plain lines on stderr, with the time. In the background stderr is the home's daemon.log, which the
daemon keeps within bounds; elsewhere it is somebody else's (journald, a terminal), and left alone.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

from node_sdk.policy import LogPolicy
from node_sdk.rotation import Rotation

_rotation: Rotation | None = None


def rotate(path: Path, policy: LogPolicy | None = None) -> None:
    """Keep the log at `path` as `policy` says, where stderr leads there."""
    global _rotation
    with contextlib.suppress(OSError):
        ours = os.path.samestat(os.fstat(2), path.stat())
        _rotation = Rotation(path, policy or LogPolicy()) if ours else None


def report(text: str) -> None:
    """One line (or more) of the log. A log that cannot be written ends nobody."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{stamp}.{int(now * 1000) % 1000:03d}Z {text}\n")
        sys.stderr.flush()
    if _rotation is not None:
        _rotation.look()
