"""Where each part of a millisecond goes, in hop and in trigger: a chain that is watched at its borders runs for itself,
for the watching costs some microseconds per message, and the ways of its messages are laid end to end.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.chain.chain import TRACED, under_a_daemon
from benchmarks.chain.critical_path import Stretch, Traces
from benchmarks.chain.stamps import Reader
from benchmarks.harness import rounds

RUNS = 200
REST = 0.01  # seconds before a trigger: the run before has ended by then


def hop_stretches() -> dict[str, float]:
    """Part → milliseconds, of one hop in the middle of a chain of 5."""
    with under_a_daemon(5, file=TRACED) as (chain, daemon):
        chain.runs(rounds(RUNS, 30))
        traces = Traces.load(chain.folder / "trace", pids(daemon.status()))
        second, third = (Reader(chain.folder / f"link{number}.stamps").new() for number in (2, 3))
    begun = {run: began for run, began, _, _ in third}
    ways = (traces.way("link3", ended, begun[run]) for run, _, ended, _ in second if run in begun)
    return _mean(ways, {"link2": "A", "link3": "B", "store": "store"})


def trigger_stretches() -> dict[str, float]:
    """Part → milliseconds, from the rename to the begin of execute()."""
    with under_a_daemon(1, file=TRACED) as (chain, daemon):
        moved = []
        for _ in range(rounds(RUNS, 30)):
            time.sleep(REST)
            moved.append(chain.drop())
            chain.heard()
        traces = Traces.load(chain.folder / "trace", pids(daemon.status()))
        begun = [began for _, began, _, _ in Reader(chain.folder / "link1.stamps").new()]
    ways = (traces.way("link1", since, until) for since, until in zip(moved, begun, strict=True))
    return _mean(ways, {"link1": "action", "inbox": "resource", "store": "store"})


def pids(status: Mapping[str, Any]) -> dict[int, str]:
    return {node["pid"]: node["name"] for node in status["pipelines"][0]["nodes"]}


def _mean(ways: Iterable[list[Stretch] | None], names: Mapping[str, str]) -> dict[str, float]:
    """The mean of each part; the parts add up to the mean of the whole.

    Of the ways that lead through these nodes and no others, the half that lies in the middle: a commit that had to wait
    for a neighbour's says nothing of us.
    """
    told = sorted((way for way in ways if way and _nodes(way) <= set(names)), key=_length)
    told = told[len(told) // 4 : len(told) - len(told) // 4]
    parts: dict[str, float] = defaultdict(float)
    for way in told:
        for name, nanoseconds in way:
            parts[" ".join(names.get(word, word) for word in name.split())] += nanoseconds / 1e6 / len(told)
    return dict(parts)


def _length(way: list[Stretch]) -> int:
    return sum(nanoseconds for _, nanoseconds in way)


def _nodes(way: list[Stretch]) -> set[str]:
    return {word for name, _ in way for word in name.split() if word in ("store", "inbox") or word.startswith("link")}
