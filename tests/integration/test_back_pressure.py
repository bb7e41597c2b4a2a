"""A producer that is much faster than its consumer waits: nothing is dropped, and no process grows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.integration.test_node_process import Tiny

MIB = 2**20
CALLS = 6_000
LARGE = 3_000
FILES = 4_000

TELLS = f"""
class SlowStore(SqliteMetadataStore):
    def insert(self, table, row):
        time.sleep(0.0003)
        return super().insert(table, row)
    def update(self, table, where, values):
        time.sleep(0.0005)
        return super().update(table, where, values)
store.__class__ = SlowStore  # a tenth as fast as the node that tells it

class Job(Job):
    def execute(self):
        few = (self.run_id == 1)
        for n in range(1_000 if few else {CALLS}):
            store.log_metrics(step=n, loss=0.5 * n)
        for n in range(50 if few else {LARGE}):
            store.set_tags(note=f"{{n}} " + "x" * 9_000)
        note(f"told all of run {{self.run_id}}")
        gate("gate")
        return True
"""
SLOW = """
class Files(Files):
    def trigger_condition(self):
        return self.get_num_artifacts("new") >= 1
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Tiny]:
    with Tiny(tmp_path) as made:
        yield made


class Growth:
    """Of some nodes, in MiB of memory, since it was made."""

    def __init__(self, tiny: Tiny, *nodes: str) -> None:
        self._processes = {node: psutil.Process(tiny.pid(node)) for node in nodes}
        self._before = self._now()
        self.most = dict.fromkeys(nodes, 0.0)

    def look(self) -> bool:
        """Take note of it; for a condition that is waited on."""
        for node, size in self._now().items():
            self.most[node] = max(self.most[node], size - self._before[node])
        return False

    def _now(self) -> dict[str, float]:
        return {node: each.memory_info().rss / MIB for node, each in self._processes.items()}


def test_a_node_that_tells_faster_than_the_disk_can_take_waits_and_nothing_is_lost(tiny: Tiny) -> None:
    tiny.up(TELLS)
    tiny.drop("a")
    tiny.run_ended(1)
    growth = Growth(tiny, "store", "job")
    tiny.drop("b")
    tiny.wait(lambda: growth.look() or "told all of run 2" in tiny.notes(), "all is told")
    tiny.run_ended(2)
    growth.look()
    print(f"{CALLS} metrics and {LARGE} tags of 9 kB: grew by (MiB)", growth.most)
    (logged,) = tiny.select("select count(*) n, sum(value) total from metrics where run_id = 2")
    assert logged == {"n": CALLS, "total": 0.5 * CALLS * (CALLS - 1) / 2}
    (tag,) = tiny.select("select value from tags where run_id = 2")
    assert tag["value"].startswith(f'"{LARGE - 1} ')
    assert growth.most["job"] < 16  # all of what is told is 27 MiB
    assert growth.most["store"] < 24


def test_files_that_arrive_faster_than_runs_end_wait_in_the_store_and_each_is_used_once(tiny: Tiny) -> None:
    tiny.up(SLOW)
    tiny.close_gate()
    tiny.drop("first")
    tiny.wait_note("at gate")
    growth = Growth(tiny, "store", "files", "job", "after")
    for n in range(FILES):
        tiny.drop(f"{n}")
    recorded = "select count(*) n from artifacts where state = 'new'"
    tiny.wait(lambda: growth.look() or tiny.select(recorded)[0]["n"] == FILES, "all files are recorded")
    tiny.open_gate()
    unused = "select count(*) n from artifacts where state <> 'old'"
    tiny.wait(lambda: growth.look() or tiny.select(unused)[0]["n"] == 0, "all files are used")
    print(f"{FILES} files beside one run: grew by (MiB)", growth.most)
    (counted,) = tiny.select("select count(*) n, count(distinct location) names from artifacts")
    assert counted == {"n": FILES + 1, "names": FILES + 1}
    assert all(size < 24 for size in growth.most.values())
    shutil.rmtree(tiny.folder / "in")
