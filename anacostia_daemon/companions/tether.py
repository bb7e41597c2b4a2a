"""What ties a companion to its daemon: a pipe. Its first line are the settings, every byte after it is a wake-up, and
its end is the end of the daemon, however that came, and so of the companion.
"""

from __future__ import annotations

import json
import os
import select
import sys
from datetime import UTC, datetime
from typing import Any

_CHUNK = 64 * 1024


class Tether:
    """Reads the descriptor `pipe`, by default the standard input."""

    def __init__(self, pipe: int = 0) -> None:
        self._pipe = pipe
        self.settings: dict[str, Any] = json.loads(self._first_line())

    def _first_line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            byte = os.read(self._pipe, 1)
            if not byte:
                raise EOFError("the daemon is gone before it said anything")
            line += byte
        return line

    def wait(self, seconds: float | None = None) -> bool:
        """Until woken, for so long at most; False once the daemon is gone. Wake-ups that came together are one."""
        if not select.select([self._pipe], [], [], seconds)[0]:
            return True
        return bool(os.read(self._pipe, _CHUNK))


def now() -> str:
    """The time as the daemon writes it: ISO 8601 UTC, so that texts are in the order of time."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def leave() -> None:
    """End at once, whatever the other threads are busy with."""
    os._exit(0)


def say(who: str, text: str) -> None:
    """A line in the log of the daemon, which is where our stderr goes."""
    try:
        sys.stderr.write(f"{now()} {who}: {text}\n")
        sys.stderr.flush()
    except OSError:
        pass  # a log that cannot be written ends nobody
