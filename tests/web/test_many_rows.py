"""Runs that have logged more than one answer holds: nothing that is looked for is left out, and no answer is huge."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from anacostia_daemon.web.facts import metrics, runs
from anacostia_daemon.web.facts.daemon import Daemon

STEPS, RUNS = 1_500, 40


class Store:
    """A daemon that knows the metrics of some runs, and remembers how much it was asked for."""

    def __init__(self) -> None:
        self.rows = [
            {
                "id": 1 + run * STEPS + step,
                "run_id": 1 + run,
                "node": "train",
                "key": "loss",
                "value": step,
                "step": step,
            }
            | {"logged_at": ""}
            for run in range(RUNS)
            for step in range(STEPS)
        ]
        self.limits: list[int] = []

    async def ask(self, command: str, /, **given: Any) -> list[dict[str, Any]]:
        assert (command, given["newest_first"]) == ("rows", True)
        self.limits.append(given["limit"])
        where = given["where"]
        found = [each for each in self.rows if each["run_id"] in where["run_id"]]
        return list(reversed(found))[: given["limit"]]


def result(coroutine: Coroutine[Any, Any, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """In a thread of its own: a browser of other tests keeps the loop of this one running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


@pytest.fixture
def store() -> Store:
    return Store()


def test_all_rows_of_all_runs_are_found_in_answers_of_a_bounded_size(store: Store) -> None:
    ids = list(range(1, RUNS + 1))
    found = result(runs.rows_of_runs(cast(Daemon, store), "digits", "metrics", ids, {}))
    assert {each["id"] for each in found} == {each["id"] for each in store.rows}
    assert len(found) == len(store.rows), "nothing twice"
    assert max(store.limits) == runs.MOST_ROWS


def test_the_last_value_of_each_run_is_found_without_reading_all_steps(store: Store) -> None:
    ids = list(range(1, RUNS + 1))
    [series] = result(metrics.over_runs(cast(Daemon, store), "digits", ["loss"], ids, RUNS))
    assert [(each["x"], each["value"]) for each in series["points"]] == [(each, STEPS - 1) for each in ids]
    assert sum(store.limits) < len(store.rows) / 2
