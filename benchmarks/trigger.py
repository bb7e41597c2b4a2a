"""An atomic rename into the watched folder → `execute()` begins; the claim and the run are durable by then."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.chain.chain import under_a_daemon
from benchmarks.chain.cost import largest
from benchmarks.chain.others import anacostia_pipeline
from benchmarks.chain.stretches import REST, trigger_stretches
from benchmarks.harness import Figure, at_least, at_most, opened, rounds, take_turns
from benchmarks.harness.turns import Way
from benchmarks.limits.chain import bare

OUTSIDE, INSIDE = "anacostia, from outside", "anacostia, from inside"
PEER = "anacostia-pipeline"


def measure() -> Iterator[Figure]:
    with contextlib.ExitStack() as stack:
        ours, _ = stack.enter_context(under_a_daemon(1))
        limit = stack.enter_context(bare(1, watched=True))
        peers, missing = opened(stack, {PEER: lambda: anacostia_pipeline(1)})
        ways: dict[str, Way] = {
            OUTSIDE: lambda: after_rest(ours.trigger),
            INSIDE: lambda: after_rest(ours.trigger, inside=True),
            "limit": lambda: after_rest(limit.trigger),
            **{name: partial(peer.triggers, 2) for name, peer in peers.items()},
        }
        rows = take_turns(ways, rounds(50))
    figure = Figure(
        "trigger",
        "atomic rename into the watched folder → execute() begins; claim and run durable",
        "ms",
        rows,
        ours=(OUTSIDE, INSIDE),
        missing=missing,
        parts={"trigger": trigger_stretches()},
    )
    yield with_goals(figure)


def with_goals(figure: Figure) -> Figure:
    worse = max(figure.ours, key=lambda row: figure.summary(row).p50)
    left = f"on its way: {largest(figure.parts['trigger'], 'ms')}"
    tails = [figure.summary(row).p99 / figure.summary(row).p50 for row in figure.ours]
    goals = [
        at_most("p50 ≤ 3 × the limit", figure.of_limit(worse), 3, left),
        at_most("p99 ≤ 5 × p50", max(tails), 5, left),
        at_least("≥ 20 × faster than the peer", figure.than_best_peer(worse), 20, left),
    ]
    return dataclasses.replace(figure, goals=goals)


def after_rest(trigger: Callable[..., float], **how: bool) -> list[float]:
    found = []
    for _ in range(10):
        time.sleep(REST)
        found.append(trigger(**how))
    return found
