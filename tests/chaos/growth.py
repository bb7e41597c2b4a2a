"""How the daemon's memory grows over its longest life in a run of chaos: a line fitted through what it held.

Only the longest life counts: memory of a daemon that was killed went with it.
"""

from __future__ import annotations

import statistics
import time

import psutil

EVERY_SECONDS = 5.0
# What is loaded on the first use of each thing is not growth.
WARM_UP_SECONDS = 300.0


class Growth:
    """Resident memory of one process after the other."""

    def __init__(self) -> None:
        self._longest: list[tuple[float, int]] = []
        self._now: list[tuple[float, int]] = []
        self._process: psutil.Process | None = None
        self._began = 0.0

    def follow(self, pid: int) -> None:
        """From now on it is this process."""
        self._keep()
        self._process, self._began = psutil.Process(pid), time.monotonic()

    def look(self) -> None:
        """Note what it holds, if the last look is long enough ago."""
        age = time.monotonic() - self._began
        if self._process is None or (self._now and age - self._now[-1][0] < EVERY_SECONDS):
            return
        try:
            self._now.append((age, self._process.memory_info().rss))
        except psutil.Error:
            return

    def mib_per_hour(self) -> float | None:
        """The slope over the second half of that life: what is kept within bounds has reached them. None if no life
        was long enough for one."""
        self._keep()
        age = self._longest[-1][0] if self._longest else 0.0
        warm = [each for each in self._longest if each[0] >= max(WARM_UP_SECONDS, age / 2)]
        if len(warm) < 10:
            return None
        line = statistics.linear_regression([age for age, _ in warm], [held for _, held in warm])
        return line.slope * 3600 / 2**20

    def __str__(self) -> str:
        slope = self.mib_per_hour()
        if not self._longest:
            return "daemon: no look at its memory"
        ages, held = zip(*self._longest, strict=True)
        told = (
            f"daemon, longest life {ages[-1]:.0f} s: {held[0] / 2**20:.1f} MiB first, {held[-1] / 2**20:.1f} MiB last"
        )
        return told if slope is None else f"{told}, {slope:+.2f} MiB/h in its second half"

    def _keep(self) -> None:
        if self._now and (not self._longest or self._now[-1][0] >= self._longest[-1][0]):
            self._longest = self._now
        self._now = []
