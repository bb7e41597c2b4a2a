"""What the processes of a chain spent meanwhile, for the words under a goal that was not met: what is left."""

from __future__ import annotations

from collections.abc import Mapping

import psutil

from benchmarks.harness import Daemon


class Cost:
    """Processor time of each node since this was made, or since its process was."""

    def __init__(self, daemon: Daemon, *, since_birth: bool = False) -> None:
        nodes = daemon.status()["pipelines"][0]["nodes"]
        self._processes = {node["name"]: psutil.Process(node["pid"]) for node in nodes}
        self._before = dict.fromkeys(self._processes, 0.0) if since_birth else self._seconds()

    def each(self, number: int, of: str) -> str:
        """In words: what the busiest spent, divided by the `number` of things done meanwhile."""
        now = self._seconds()
        spent = {name: (now[name] - before) / number * 1e6 for name, before in self._before.items()}
        return f"processor time per {of}: {largest(spent, 'µs')}"

    def _seconds(self) -> dict[str, float]:
        found = {name: process.cpu_times() for name, process in self._processes.items()}
        return {name: times.user + times.system for name, times in found.items()}


def largest(parts: Mapping[str, float], unit: str, most: int = 6) -> str:
    """The largest of `parts` in words, the largest first."""
    in_order = sorted(parts.items(), key=lambda part: -part[1])[:most]
    return ", ".join(f"{name} {amount:.3g}" for name, amount in in_order) + f" ({unit})"
