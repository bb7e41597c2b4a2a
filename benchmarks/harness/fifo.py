"""A fifo through which processes say when a line of theirs ran: "PID MOMENT" on the monotonic clock of the machine."""

from __future__ import annotations

import os
import select
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 120.0  # seconds; 100 children that import much take some


@dataclass(frozen=True)
class FirstLine:
    """Of process `pid`, at a moment of the monotonic clock."""

    pid: int
    at: float


class Fifo:
    """Made at `path`; whoever is measured opens it, writes one line, and closes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self._end = os.open(path, os.O_RDWR | os.O_NONBLOCK)  # held open by us too: it never ends
        self._begun = b""
        self._said: list[FirstLine] = []

    def next(self) -> FirstLine:
        """What the next one says; TimeoutError where nobody does."""
        while not self._said:
            if not select.select([self._end], [], [], PATIENCE)[0]:
                raise TimeoutError(f"nobody has said anything within {PATIENCE:g} s")
            *whole, self._begun = (self._begun + os.read(self._end, 65536)).split(b"\n")
            self._said += [FirstLine(int(pid), float(at)) for pid, at in map(bytes.split, whole)]
        return self._said.pop(0)

    def close(self) -> None:
        os.close(self._end)
