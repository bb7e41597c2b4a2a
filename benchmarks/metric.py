"""`log_metrics` from an action, durable with the task at the latest: calls per second."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from functools import partial

from benchmarks.chain.chain import Chain, under_a_daemon
from benchmarks.chain.cost import Cost
from benchmarks.chain.stamps import Reader
from benchmarks.harness import Figure, Talk, at_least, installed, opened, rounds, take_turns
from benchmarks.harness.daemon import short_folder
from benchmarks.harness.turns import Way
from benchmarks.limits.message import one_message

CALLS = 1000  # in one task
DURABLE, SAID = "anacostia", "anacostia, calls alone"


class Logging:
    """A chain of two, the first of which logs: when the second begins, all of it is durable."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._logs, self._after = (Reader(chain.folder / f"link{number}.stamps") for number in (1, 2))
        self.said: list[float] = []

    def task(self) -> float:
        """Calls per second of one task, from its first call until all are durable."""
        self._chain.drop()
        self._chain.heard()
        (_, began, ended, _), (_, durable, _, _) = self._logs.new()[-1], self._after.new()[-1]
        self.said.append(CALLS / (ended - began) * 1e9)
        return CALLS / (durable - began) * 1e9


def measure() -> Iterator[Figure]:
    with contextlib.ExitStack() as stack:
        chain, daemon = stack.enter_context(under_a_daemon(2, metrics=CALLS))
        ours = Logging(chain)
        limit = stack.enter_context(one_message())
        peers, missing = opened(stack, {"MLflow log_metric (SQLite)": mlflow})
        ways: dict[str, Way] = {
            DURABLE: ours.task,
            "limit": lambda: limit(20 * CALLS),
            **{name: partial(talk.ask, "calls", 100) for name, talk in peers.items()},
        }
        times, cost = rounds(50), Cost(daemon)
        rows = take_turns(ways, times)
        left = cost.each(CALLS * (times + 1), "call")
    figure = Figure(
        "metric",
        f"log_metrics from an action, until it is durable; {CALLS} calls in a task",
        "calls per second",
        {**rows, SAID: ours.said[-times:]},
        apart=(SAID,),
        better="more",
        missing=missing,
        notes=["the limit: one message of the same size over a DEALER, to a process that reads it and does nothing"],
    )
    goal = at_least("≥ 10 × more calls per second than MLflow", figure.than_best_peer(DURABLE), 10, left)
    yield dataclasses.replace(figure, goals=[goal])


@contextlib.contextmanager
def mlflow() -> Iterator[Talk]:
    with short_folder() as folder, installed("mlflow").talk("mlflow_metric.py", folder) as talk:
        yield talk
