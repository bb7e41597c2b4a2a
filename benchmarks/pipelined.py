"""A chain of 5 with 64 runs under way: durable completions of tasks per second."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.chain.chain import Chain, under_a_daemon
from benchmarks.chain.cost import Cost
from benchmarks.chain.others import dbos
from benchmarks.harness import Daemon, Figure, at_least, opened, quick, rounds, take_turns
from benchmarks.harness.daemon import wait_for
from benchmarks.limits.chain import BareChain, bare

LENGTH, IN_FLIGHT = 5, 64
WARM, SECONDS = 0.5, (0.5 if quick() else 2.0)  # what is counted follows what is not
GOING_ON = "limit, nodes go on"
_TASKS = "SELECT count(*) FROM tasks WHERE node LIKE 'link%' AND state = 'succeeded' AND ended_at BETWEEN ? AND ?"
_DONE = "SELECT count(*) FROM done WHERE at BETWEEN ? AND ?"
_UNDER_WAY = "SELECT count(*) FROM runs WHERE state = 'running'"


def measure() -> Iterator[Figure]:
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(under_a_daemon(LENGTH, concurrent=IN_FLIGHT, renew=1))
        limit = stack.enter_context(bare(LENGTH))
        going_on = stack.enter_context(bare(LENGTH, waiting=False))
        peers, missing = opened(stack, {"DBOS (SQLite)": dbos})
        ways: dict[str, Callable[[], float]] = {
            "anacostia": lambda: of_ours(*ours),
            "limit": lambda: of_limit(limit),
            GOING_ON: lambda: of_limit(going_on),
        }
        for name, talk in peers.items():
            ways[name] = partial(talk.ask, "concurrent", LENGTH, IN_FLIGHT, SECONDS)
        cost, before = Cost(ours[1]), _count(ours[0].folder / "metadata.db", _TASKS, 0, time.time())
        rows = take_turns(ways, rounds(5, 1))
        done = _count(ours[0].folder / "metadata.db", _TASKS, 0, time.time()) - before
        left = cost.each(done, "completion")
    figure = Figure(
        "pipelined",
        f"chain of {LENGTH}, {IN_FLIGHT} runs under way: durable completions of tasks per second",
        "completions per second",
        rows,
        apart=(GOING_ON,),
        better="more",
        missing=missing,
        notes=[
            "the limit: each node waits for the commit of its completion, as ours do; where it goes on with other runs "
            "meanwhile, batches grow and the disk matters less",
            "ours also creates each run (a row and its tasks), records each begin, and ends it",
        ],
    )
    goal = at_least("≥ 0.4 × the limit", figure.of_limit("anacostia"), 0.4, left)
    yield dataclasses.replace(figure, goals=[goal])


def of_ours(chain: Chain, daemon: Daemon) -> float:
    until = time.monotonic_ns() + int((WARM + SECONDS + 1) * 1e9)
    with (chain.folder / "until").open("r+b") as file:
        file.write(until.to_bytes(8, "little"))
    for _ in range(IN_FLIGHT):
        daemon.client.request("trigger", {"pipeline": "chain", "token": uuid.uuid4().hex})
    rate = _in_between(chain.folder / "metadata.db", _TASKS)
    wait_for(lambda: time.monotonic_ns() > until and _count(chain.folder / "metadata.db", _UNDER_WAY) == 0, "a rest")
    chain.heard()
    return rate


def of_limit(chain: BareChain) -> float:
    began = time.time()
    for _ in range(IN_FLIGHT):
        chain.start(next(chain.numbers))
    under_way = IN_FLIGHT
    while under_way:
        over = chain.heard()
        under_way -= over
        if time.time() - began < WARM + SECONDS:
            for _ in range(over):
                chain.start(next(chain.numbers))
            under_way += over
    return _count(chain.folder / "done.db", _DONE, began + WARM, began + WARM + SECONDS) / SECONDS


def _in_between(database: Path, query: str) -> float:
    time.sleep(WARM)
    began = time.time()
    time.sleep(SECONDS)
    ended = time.time()
    return _count(database, query, began, ended) / (ended - began)


def _count(database: Path, query: str, *values: float) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        found: int = connection.execute(query, values).fetchone()[0]
    return found
