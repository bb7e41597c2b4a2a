"""CPU shares between two looks; at the first look, since the process began."""

from __future__ import annotations

from collections.abc import Callable

from anacostia_daemon.process import identity

_SHORTEST = 0.2  # seconds; over less, the clock ticks of the CPU time are all one sees


class CpuShares:
    """Remembers the last look at each process that was looked at. `now`: the clock that start times are on."""

    def __init__(self, now: Callable[[], float] = identity.now) -> None:
        self._now = now
        self._last: dict[tuple[int, float], tuple[float, float, float]] = {}  # when, CPU seconds, the answer then

    def percent(self, pid: int, started: float | None, cpu_seconds: float) -> float:
        """The share of one CPU that the process has used since the last look, in percent."""
        now, key = self._now(), (pid, started or 0.0)
        when, before, answer = self._last.get(key, (started or now, 0.0, 0.0))
        if now - when >= _SHORTEST:
            answer = round(100.0 * max(0.0, cpu_seconds - before) / (now - when), 1)
            self._last[key] = (now, cpu_seconds, answer)
        return answer

    def keep(self, living: set[tuple[int, float]]) -> None:
        """Forget all processes but these."""
        self._last = {key: value for key, value in self._last.items() if key in living}
