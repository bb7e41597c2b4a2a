"""Runs per second, one at a time: a folder and one action; and a chain of 5. The next file comes when the last action
of the run before has executed.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.chain.chain import under_a_daemon
from benchmarks.chain.cost import Cost
from benchmarks.chain.others import anacostia_pipeline, dbos
from benchmarks.harness import Figure, at_least, opened, rounds, take_turns

RUNS = 30  # in each turn
THREADS, DBOS = "anacostia-pipeline", "DBOS (SQLite)"


def measure() -> Iterator[Figure]:
    yield of_one_action()
    yield of_a_chain()


def of_one_action() -> Figure:
    with contextlib.ExitStack() as stack:
        ours, daemon = stack.enter_context(under_a_daemon(1))
        peers, missing = opened(stack, {THREADS: lambda: anacostia_pipeline(1)})
        ways: dict[str, Callable[[], float]] = {"anacostia": lambda: RUNS / ours.runs(RUNS)}
        ways.update((name, partial(peer.rate, 3)) for name, peer in peers.items())
        cost = Cost(daemon)
        rows = take_turns(ways, rounds(40))
        left = cost.each(RUNS * (rounds(40) + 1), "run")
    figure = Figure(
        "rate",
        "runs per second, one at a time: folder → action",
        "runs per second",
        rows,
        limit=None,
        better="more",
        missing=missing,
    )
    goal = at_least("≥ 50 × anacostia-pipeline", figure.than_best_peer("anacostia"), 50, left)
    return dataclasses.replace(figure, goals=[goal])


def of_a_chain() -> Figure:
    with contextlib.ExitStack() as stack:
        ours, daemon = stack.enter_context(under_a_daemon(5))
        steps, missing = opened(stack, {DBOS: dbos})
        threads, also_missing = opened(stack, {THREADS: lambda: anacostia_pipeline(5)})
        ways: dict[str, Callable[[], float]] = {"anacostia": lambda: RUNS / ours.runs(RUNS)}
        ways.update((name, partial(talk.ask, "rate", 5, RUNS)) for name, talk in steps.items())
        ways.update((name, partial(peer.rate, 3)) for name, peer in threads.items())
        cost = Cost(daemon)
        rows = take_turns(ways, rounds(30))
        left = cost.each(RUNS * (rounds(30) + 1), "run")
    figure = Figure(
        "rate-chain",
        "runs per second, one at a time: folder → chain of 5 actions (DBOS: a workflow of 5 steps)",
        "runs per second",
        rows,
        limit=None,
        better="more",
        missing={**missing, **also_missing},
    )
    goal = at_least("≥ 3 × DBOS", figure.than_best_peer("anacostia"), 3, left)
    return dataclasses.replace(figure, goals=[goal])
