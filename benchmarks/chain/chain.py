"""The measuring side of a chain, whoever runs it: files moved into a folder, the bell of the last link, the stamps of
each. It waits for the bell and reads files; it asks nobody anything, so it slows nobody down.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.chain.stamps import Reader
from benchmarks.harness import Daemon, daemon

PATIENCE = 60.0  # seconds that a run may take before the figure is given up
PIPELINE = Path(__file__).with_name("pipeline.py")
TRACED = Path(__file__).with_name("traced.py")


class Chain:
    """Of `length` links, in `folder`. Moments are nanoseconds of CLOCK_MONOTONIC, results are milliseconds."""

    def __init__(self, folder: Path, length: int) -> None:
        self.folder, self.length = folder, length
        self.inbox, self._outside = folder / "inbox", folder / "outside"
        for each in (self.inbox, self._outside):
            each.mkdir()
        (folder / "until").write_bytes(bytes(8))
        os.mkfifo(folder / "bell")
        self._bell = os.open(folder / "bell", os.O_RDWR)
        self._readers = [Reader(folder / f"link{number}.stamps") for number in range(1, length + 1)]
        self._ends: list[dict[int, int]] = [{} for _ in range(length)]
        self.numbers = itertools.count(1)

    def drop(self, *, inside: bool = False) -> int:
        """Move a file in, from a folder of its own or from under a name that does not count; the moment before."""
        number = next(self.numbers)
        hidden = self.inbox / f".{number}.tmp" if inside else self._outside / f"{number}.txt"
        hidden.write_text(f"{number}")
        moment = time.monotonic_ns()
        hidden.rename(self.inbox / f"{number}.txt")
        return moment

    def heard(self) -> int:
        """Wait until the last link has rung once; how often it has since the last call."""
        ready, _, _ = select.select([self._bell], [], [], PATIENCE)
        if not ready:
            raise TimeoutError(f"no run has come to the end of the chain in {PATIENCE:g} s")
        return len(os.read(self._bell, 4096))

    def runs(self, times: int) -> float:
        """So many, one after the other: the next file comes when the bell has rung. Seconds that they took."""
        began = time.monotonic()
        for _ in range(times):
            self.drop()
            self.heard()
        return time.monotonic() - began

    def trigger(self, *, inside: bool = False) -> float:
        """From moving a file in to the begin of execute() of the first link; the chain is at rest before."""
        moved = self.drop(inside=inside)
        self.heard()
        begun = [began for _, began, _, _ in self._readers[0].new() if began > moved]
        return (begun[0] - moved) / 1e6

    def hops(self) -> list[float]:
        """From execute() of a link to that of the next, of all runs that have come to an end since the last call."""
        found = []
        for place, reader in enumerate(self._readers):
            for run, began, ended, _ in reader.new():
                if place and run in self._ends[place - 1]:
                    found.append((began - self._ends[place - 1].pop(run)) / 1e6)
                self._ends[place][run] = ended
        return found

    def close(self) -> None:
        os.close(self._bell)


@contextlib.contextmanager
def under_a_daemon(length: int, *, file: Path = PIPELINE, **wanted: int) -> Iterator[tuple[Chain, Daemon]]:
    """The chain as a pipeline, all of its nodes ready. `wanted`: see pipeline.py."""
    with daemon() as running:
        chain = Chain(running.root, length)
        try:
            running.start(file, running.root, str(length), *(f"{name}={number}" for name, number in wanted.items()))
            yield chain, running
        finally:
            chain.close()
