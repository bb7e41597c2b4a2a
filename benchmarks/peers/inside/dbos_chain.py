"""A chain of steps as a DBOS workflow on SQLite, as its documentation writes it. A step stamps and does nothing else.

    dbos_chain.py FOLDER

steps LENGTH RUNS: milliseconds from the return of a step to the begin of the next, over RUNS workflows, one at a time.
rate LENGTH RUNS: workflows per second, one at a time.
concurrent LENGTH IN_FLIGHT SECONDS: steps that became durable per second, with so many workflows under way.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from contextlib import closing
from itertools import pairwise

from answering import serve
from dbos import DBOS

folder = sys.argv[1]
moments: list[int] = []


@DBOS.step()
def step() -> None:
    moments.append(time.monotonic_ns())


@DBOS.workflow()
def chain(length: int) -> None:
    for _ in range(length):
        step()


def steps(length: int, runs: int) -> list[float]:
    found = []
    for _ in range(runs):
        moments.clear()
        chain(length)
        found += [(after - before) / 1e6 for before, after in pairwise(moments)]
    return found


def rate(length: int, runs: int) -> float:
    began = time.monotonic()
    for _ in range(runs):
        chain(length)
    return runs / (time.monotonic() - began)


def concurrent(length: int, in_flight: int, seconds: float) -> float:
    before, began = _recorded(), time.monotonic()
    under_way = [DBOS.start_workflow(chain, length) for _ in range(in_flight)]
    while time.monotonic() - began < seconds:
        under_way.pop(0).get_result()
        under_way.append(DBOS.start_workflow(chain, length))
    recorded, took = _recorded() - before, time.monotonic() - began
    for each in under_way:
        each.get_result()
    return recorded / took


def _recorded() -> int:
    """How many steps the database holds."""
    with closing(sqlite3.connect(f"file:{folder}/dbos.sqlite?mode=ro", uri=True)) as connection:
        found: int = connection.execute("SELECT count(*) FROM operation_outputs").fetchone()[0]
    return found


DBOS(
    config={
        "name": "bench",
        "system_database_url": f"sqlite:///{folder}/dbos.sqlite",
        "run_admin_server": False,
        "log_level": "ERROR",
    }
)
DBOS.launch()
serve({"steps": steps, "rate": rate, "concurrent": concurrent})
DBOS.destroy()
