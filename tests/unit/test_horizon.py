"""The watermark of a table whose rows commit in another order than they were numbered in."""

from __future__ import annotations

import random

import pytest

from node_sdk.resources.horizon import PREPARED, Horizon


def test_a_table_that_nobody_writes_to_is_read_once() -> None:
    assert Horizon().moved(7, []) == Horizon(safe=7)
    assert Horizon(safe=7).moved(None, []) == Horizon(safe=7)


def test_nothing_is_safe_while_somebody_is_at_work_who_was_then() -> None:
    seen = Horizon().moved(7, ["a", "b"])
    assert seen == Horizon(None, 7, frozenset({"a", "b"}))
    assert seen.moved(9, ["b", "c"]) == Horizon(None, 7, frozenset({"b"}))
    assert seen.moved(9, ["b"]).moved(12, ["c"]) == Horizon(7, 12, frozenset({"c"}))
    assert seen.moved(9, []) == Horizon(safe=9)


def test_one_that_was_prepared_holds_it_up_whatever_it_was_called_before() -> None:
    seen = Horizon().moved(7, ["a"])
    assert seen.moved(9, [PREPARED]).safe is None
    assert seen.moved(9, [PREPARED]).moved(9, ["z"]).safe == 7


class Table:
    """Transactions that draw numbers, and commit or not, in any order. One step of anybody at a time."""

    def __init__(self, choice: random.Random) -> None:
        self.choice, self.drawn, self.begun = choice, 0, 0
        self.open: dict[str, list[int]] = {}
        self.committed: set[int] = set()

    def step(self) -> None:
        """Something that a writer may do at this moment."""
        deed = self.choice.choice(["begin", "draw", "draw", "end", "nothing"])
        if deed == "begin" and len(self.open) < 5:
            self.begun += 1
            self.open[str(self.begun)] = []
        elif deed == "draw" and self.open:
            self.drawn += 1
            self.open[self.choice.choice(list(self.open))].append(self.drawn)
        elif deed == "end" and self.open:
            rows = self.open.pop(self.choice.choice(list(self.open)))
            self.committed |= set(rows if self.choice.random() < 0.8 else ())

    def steps(self) -> None:
        for _ in range(self.choice.randrange(4)):
            self.step()


def polled(table: Table, horizon: Horizon, seen: set[int], *, naive: bool = False) -> Horizon:
    """What the node does, with writers at work between all of its steps."""
    highest = max(table.committed, default=None)
    table.steps()
    open_now = list(table.open)
    table.steps()
    seen |= {row for row in table.committed if horizon.safe is None or row >= horizon.safe}
    return horizon.moved(highest, [] if naive else open_now)


@pytest.mark.parametrize("seed", range(60))
def test_no_row_is_skipped_however_late_it_commits(seed: int) -> None:
    table, horizon, seen = Table(random.Random(seed)), Horizon(), set[int]()
    for _ in range(60):
        table.steps()
        horizon = polled(table, horizon, seen)
    while table.open:
        table.step()
    polled(table, horizon, seen)
    assert seen == table.committed
    assert horizon.safe is not None and horizon.safe > 1, "and not all is read each time"


def test_without_looking_who_is_at_work_rows_would_be_skipped() -> None:
    skipped = 0
    for seed in range(20):
        table, horizon, seen = Table(random.Random(seed)), Horizon(), set[int]()
        for _ in range(60):
            table.steps()
            horizon = polled(table, horizon, seen, naive=True)
        skipped += len(table.committed - seen)
    assert skipped > 20
