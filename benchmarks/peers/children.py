"""Children of another supervisor (inside/child.py), each of which says through a fifo when its first line ran."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.fifo import Fifo, FirstLine
from benchmarks.harness.peers import NEEDED


def command(fifo: Fifo, modules: Sequence[str]) -> list[str]:
    """What a child is started with: this very interpreter, so the same Python and the same libraries as ours."""
    return [sys.executable, str(NEEDED / "inside" / "child.py"), str(fifo.path), *modules]


@dataclass
class Supervised:
    """A running supervisor with children: `pid` is its own, `began` when it was started, `first` what the children
    said then; `ctl` is the command for its status."""

    pid: int
    began: float
    first: list[FirstLine]
    fifo: Fifo
    ctl: list[str]

    @property
    def started(self) -> float:
        """Milliseconds from its own start to the first line of the last child."""
        return (max(each.at for each in self.first) - self.began) * 1000

    def kill(self, wait: float = 0.0) -> float:
        """Milliseconds from the SIGKILL of its child, `wait` seconds from now, to the first line of the next one.

        The supervisor runs meanwhile, and is stopped before and after: one that polls would slow down the others.
        """
        os.kill(self.pid, signal.SIGCONT)
        time.sleep(wait)
        began = time.monotonic()
        os.kill(self.first[0].pid, signal.SIGKILL)
        self.first = [self.fifo.next()]
        os.kill(self.pid, signal.SIGSTOP)
        return (self.first[0].at - began) * 1000


@contextlib.contextmanager
def supervised(start: Sequence[str], fifo: Fifo, children: int, ctl: Sequence[str], log: Path) -> Iterator[Supervised]:
    """The supervisor that `start` runs in the foreground, once all its children have said their first line."""
    began = time.monotonic()
    with log.open("w") as said, subprocess.Popen(start, stdout=said, stderr=said, stdin=subprocess.DEVNULL) as process:
        try:
            yield Supervised(process.pid, began, [fifo.next() for _ in range(children)], fifo, list(ctl))
        finally:
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()
            fifo.close()
