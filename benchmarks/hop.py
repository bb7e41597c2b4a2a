"""One edge: `execute()` of A returns → its completion is durable (synchronous=FULL) → `execute()` of B begins."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from functools import partial

from benchmarks.chain.chain import Chain, under_a_daemon
from benchmarks.chain.cost import largest
from benchmarks.chain.others import anacostia_pipeline, dbos
from benchmarks.chain.stretches import hop_stretches
from benchmarks.harness import Figure, at_least, at_most, opened, rounds, take_turns
from benchmarks.harness.turns import Way
from benchmarks.limits.chain import BareChain, bare

LENGTH = 5
RUNS = 10  # of the chain in each turn
DBOS, THREADS = "DBOS step (SQLite)", "anacostia-pipeline (threads, not durable)"


def measure() -> Iterator[Figure]:
    with contextlib.ExitStack() as stack:
        ours, _ = stack.enter_context(under_a_daemon(LENGTH))
        limit = stack.enter_context(bare(LENGTH))
        steps, missing = opened(stack, {DBOS: dbos})
        threads, also_missing = opened(stack, {THREADS: lambda: anacostia_pipeline(LENGTH)})
        ways: dict[str, Way] = {
            "anacostia": lambda: of_files(ours),
            "limit": lambda: of_numbers(limit),
            **{name: partial(talk.ask, "steps", LENGTH, RUNS) for name, talk in steps.items()},
            **{name: partial(peer.hops, 2) for name, peer in threads.items()},
        }
        rows = take_turns(ways, rounds(25))
    figure = Figure(
        "hop",
        "execute() of A returns → completion durable → execute() of B begins; chain of 5, one run at a time",
        "ms",
        rows,
        apart=tuple(threads),
        missing={**missing, **also_missing},
        parts={"hop": hop_stretches()},
    )
    yield with_goals(figure)


def with_goals(figure: Figure) -> Figure:
    left = f"on its way: {largest(figure.parts['hop'], 'ms')}"
    goals = [
        at_most("p50 ≤ 1.5 × the limit", figure.of_limit("anacostia"), 1.5, left),
        at_least("≥ 3 × faster than a DBOS step", figure.than_best_peer("anacostia"), 3, left),
    ]
    return dataclasses.replace(figure, goals=goals)


def of_files(chain: Chain) -> list[float]:
    chain.runs(RUNS)
    return chain.hops()


def of_numbers(chain: BareChain) -> list[float]:
    for _ in range(RUNS):
        chain.start(next(chain.numbers))
        chain.heard()
    return chain.hops()
