"""Which tasks an action has to execute, and when: the oldest run first, an attempt that follows a failed one after its
delay, each (run, node) once unless the store says that it is due again (law 1). Pure, but for the clock it is given.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from node_sdk.wire.store import Due, Welcome

MOST_KNOWN = 10_000  # runs remembered as executed or waiting

# A predecessor, and by which attempt of its task ours is due: no two completions have the same.
Word = tuple[str, int]
NOBODY: Word = ("", 0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A task to execute, of which `failures` attempts have failed. `doubtful`: the store is asked whether it is due."""

    run_id: int
    attempt: int = 1
    doubtful: bool = False
    failures: int = 0


class Tasks:
    """`welcome` is what the store said when this incarnation began; `clock` a monotonic one. A source for `wait`."""

    def __init__(self, welcome: Welcome, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last_run_id = welcome.last_run_id
        self._waiting: dict[int, tuple[float, Wanted]] = {}  # run → when, what; few: of runs that are open
        self._known: set[int] = set()
        self._foretold: dict[int, Word] = {}  # run → by whom, of tasks whose signal has not come yet
        for each in welcome.due:
            self.add(each)

    def add(self, due: Due) -> None:
        """The store says this task is due, or will be."""
        self._know(due.run_id)
        wanted = Wanted(due.run_id, due.attempts + 1, failures=due.failures)
        self._waiting[due.run_id] = (self._clock() + due.wait, wanted)

    def woken(self, run_id: int, by: Word) -> None:
        """The store says ahead of the signal that the task of `run_id` is due. Of a run that is known, the signal,
        which was faster, or will come, says all there is to say."""
        if run_id not in self._known:
            self.signalled(run_id)
            self._foretold[run_id] = by

    def signalled(self, run_id: int, by: Word = NOBODY, *, by_resource: bool = False) -> None:
        """A predecessor, or the store, says the task of `run_id` is due. Resources say so as a run starts, each of
        them, and are not asked when a person has it retried."""
        if self._foretold.get(run_id) == by:
            del self._foretold[run_id]
            return
        if run_id in self._known:
            if not by_resource and not self._is_ready(run_id):  # said again, or retried
                self._doubt(run_id)
            return
        self._know(run_id)
        self._waiting[run_id] = (self._clock(), Wanted(run_id, doubtful=run_id <= self._last_run_id))

    def cancelled(self, run_id: int) -> None:
        """The run was cancelled: nothing of it is begun unless the store says that a person wants it again."""
        self._know(run_id)
        if run_id in self._waiting:
            self._doubt(run_id)

    def next(self) -> Wanted | None:
        """Take the task of the oldest run; None where none may begin now."""
        ready = [run_id for run_id in self._waiting if self._is_ready(run_id)]
        return self._waiting.pop(min(ready))[1] if ready else None

    def sources(self) -> Iterable[Any]:
        return ()

    def deadline(self) -> float | None:
        """When `next` gives the first of those that wait; None where none does."""
        return min((at for at, _ in self._waiting.values()), default=None)

    def _is_ready(self, run_id: int) -> bool:
        return run_id in self._waiting and self._waiting[run_id][0] <= self._clock()

    def _doubt(self, run_id: int) -> None:
        self._waiting[run_id] = (self._clock(), Wanted(run_id, doubtful=True))

    def _know(self, run_id: int) -> None:
        self._known.add(run_id)
        if len(self._known) > MOST_KNOWN:
            # Runs so long ago are doubtful from here on: the store is asked, should one be signalled again.
            oldest = sorted(self._known)[: MOST_KNOWN // 2]
            self._last_run_id = max(self._last_run_id, oldest[-1])
            self._known = self._known.difference(oldest) | set(self._waiting) | {run_id}
            self._foretold = {each: by for each, by in self._foretold.items() if each in self._known}
