"""The link thread's eye on the task in progress: calls the main thread back where it takes too long or its run was
cancelled, and ends the process where it does not come back.

Who comes back in time and who is ended is decided under one lock, so nothing is recorded of a task that was given up.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from node_sdk.errors import Recalled, RunCancelled, TaskTimeout
from node_sdk.runtime.recall import Recall


class TaskWatch:
    """`stop_timeout` seconds after calling back, `end` is called, in the link thread; it ends the process."""

    def __init__(
        self,
        recall: Recall,
        stop_timeout: float,
        end: Callable[[Recalled], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.called: Recalled | None = None  # why the task in progress, or the last one, was called back
        self._recall = recall
        self._stop_timeout = stop_timeout
        self._end = end
        self._clock = clock
        self._lock = threading.Lock()
        self._run_id: int | None = None
        self._timeout = 0.0
        self._deadline: float | None = None  # of the attempt; once called back, of the process
        self._cancelled: set[int] = set()

    # ---- main thread

    @contextlib.contextmanager
    def over(self, run_id: int, timeout: float | None) -> Iterator[None]:
        """Inside, an attempt at the task of `run_id` is made, which may take `timeout` seconds."""
        with self._lock:
            self.called = None
            self._run_id = run_id
            if timeout is not None:
                self._timeout, self._deadline = timeout, self._clock() + timeout
            if run_id in self._cancelled:  # heard since the task was taken up
                self._call(RunCancelled(f"run {run_id} was cancelled"))
        try:
            yield
        finally:
            with self._lock:  # taken for ever where the process is being ended
                self._run_id = self._deadline = None
                self._recall.forget()

    def take_cancelled(self) -> set[int]:
        """The runs heard to be cancelled since the last call."""
        with self._lock:
            taken, self._cancelled = self._cancelled, set()
        return taken

    # ---- link thread

    def cancelled(self, run_id: int) -> None:
        """The daemon says that the run was cancelled."""
        with self._lock:
            self._cancelled.add(run_id)
            if self._run_id == run_id and self.called is None:
                self._call(RunCancelled(f"run {run_id} was cancelled"))

    def deadline(self) -> float | None:
        """When `look` wants to be called."""
        return self._deadline

    def look(self) -> None:
        """Call back or end what is overdue."""
        with self._lock:
            if self._deadline is None or self._clock() < self._deadline:
                return
            if self.called is None:
                self._call(TaskTimeout(f"did not end within its timeout of {self._timeout:g} s"))
            else:
                self._end(self.called)

    def _call(self, error: Recalled) -> None:
        self.called = error
        self._deadline = self._clock() + self._stop_timeout
        self._recall.call(error)
