"""The daemon's log: plain lines on stderr, with the time. In the background stderr is the home's daemon.log."""

from __future__ import annotations

import contextlib
import sys
import time


def report(text: str) -> None:
    """One line (or more) of the log. A log that cannot be written ends nobody."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{stamp}.{int(now * 1000) % 1000:03d}Z {text}\n")
        sys.stderr.flush()
