"""What a long past costs: latency of trigger and hop, of `runs`, `status` and `start`, with 1,000,000 runs and
artifacts in the store, beside the same with 1,000.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator

from benchmarks.chain.chain import Chain, under_a_daemon
from benchmarks.chain.past import invent
from benchmarks.chain.stretches import REST
from benchmarks.harness import Daemon, Figure, at_most, quick, rounds, take_turns

MANY, FEW = (20_000 if quick() else 1_000_000), 1_000
LONG, SHORT = f"with {MANY:,} runs", f"with {FEW:,} runs"
SLOWER = 1.3


def measure() -> Iterator[Figure]:
    with contextlib.ExitStack() as stack:
        starts: dict[str, list[float]] = {LONG: [], SHORT: []}
        pasts = {
            LONG: stack.enter_context(with_past(MANY, starts[LONG])),
            SHORT: stack.enter_context(with_past(FEW, starts[SHORT])),
        }
        for name, title, times, sample in (
            ("trigger", "rename into the folder → execute() begins", 20, triggers),
            ("hop", "execute() of A returns → execute() of B begins", 20, hops),
            ("runs", "`runs` as the daemon answers it, the newest 20", 100, lambda _, daemon: asked(daemon, "runs")),
            ("status", "`status` as the daemon answers it", 100, lambda _, daemon: asked(daemon, "status")),
        ):
            ways = {row: lambda past=past, sample=sample: sample(*past) for row, past in pasts.items()}
            yield of(name, title, take_turns(ways, rounds(times)))
        yield of("start", "`start PIPELINE` → all nodes ready, the whole command", starts)


def of(name: str, title: str, rows: dict[str, list[float]]) -> Figure:
    figure = Figure(f"history-{name}", title, "ms", rows, ours=(LONG,), limit=SHORT)
    left = f"{figure.summary(LONG).p50:.2f} ms with the long past, {figure.summary(SHORT).p50:.2f} with the short one"
    goal = at_most(f"≤ {SLOWER} × that with {FEW:,}", figure.of_limit(LONG), SLOWER, left)
    return dataclasses.replace(figure, goals=[goal])


@contextlib.contextmanager
def with_past(runs: int, starts: list[float]) -> Iterator[tuple[Chain, Daemon]]:
    """A chain of two that has had so many runs, and is ready; `starts` gets the milliseconds that starts took."""
    with under_a_daemon(2) as (chain, daemon):
        chain.trigger()
        time.sleep(0.5)  # that run ends
        daemon.ctl("stop", "chain")
        invent(chain.folder / "metadata.db", runs)
        for _ in range(rounds(3, 1)):
            began = time.perf_counter()
            daemon.ctl("start", "chain")
            starts.append((time.perf_counter() - began) * 1000)
            daemon.ctl("stop", "chain")
        daemon.ctl("start", "chain")
        yield chain, daemon


def triggers(chain: Chain, _: Daemon) -> list[float]:
    found = []
    for _number in range(10):
        time.sleep(REST)
        found.append(chain.trigger())
    return found


def hops(chain: Chain, _: Daemon) -> list[float]:
    chain.hops()  # what came before is no sample
    chain.runs(20)
    return chain.hops()


def asked(daemon: Daemon, command: str) -> float:
    arguments: dict[str, object] = {"pipeline": "chain", **({"limit": 20} if command == "runs" else {})}
    began = time.perf_counter()
    daemon.client.request(command, arguments)
    return (time.perf_counter() - began) * 1000
