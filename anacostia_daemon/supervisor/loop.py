"""The loop of the daemon: descriptors, deadlines, and one hook at the end of each turn. Nothing polls (law 8).

Single-threaded, monotonic time only. A callback that raises is reported and the loop goes on: one pipeline's
trouble must not end the supervision of the others.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import selectors
import time
from collections.abc import Callable

from anacostia_daemon.supervisor.log import report_exception

Callback = Callable[[], object]

_FOREVER = 86400.0  # select's timeout is bounded on some platforms; waking once a day costs nothing


class Handle:
    """A deadline; `cancel()` makes it never come, however often it is called."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callback) -> None:
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        self.callback = None


class Loop:
    """Calls back when a descriptor is ready or a deadline has come."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self._readers: dict[int, Callback] = {}
        self._writers: dict[int, Callback] = {}
        self._deadlines: list[tuple[float, int, Handle]] = []
        self._number = itertools.count()
        self._after_turn: list[Callback] = []
        self._running = False
        self.turns = 0  # so far

    def now(self) -> float:
        """Monotonic seconds."""
        return self._clock()

    def add_reader(self, fd: int, callback: Callback) -> None:
        """Call `callback` in each turn in which `fd` can be read; a second call replaces the first."""
        self._readers[fd] = callback
        self._register(fd)

    def add_writer(self, fd: int, callback: Callback) -> None:
        """Call `callback` in each turn in which `fd` can be written."""
        self._writers[fd] = callback
        self._register(fd)

    def remove_writer(self, fd: int) -> None:
        """Forget the writer of `fd`; its reader stays."""
        if self._writers.pop(fd, None) is not None:
            self._register(fd)

    def remove(self, fd: int) -> None:
        """Forget `fd`; call it before closing the descriptor. Unknown ones are no error."""
        self._readers.pop(fd, None)
        self._writers.pop(fd, None)
        self._register(fd)

    def call_at(self, when: float, callback: Callback) -> Handle:
        """Call `callback` once `now()` has reached `when`."""
        handle = Handle(callback)
        heapq.heappush(self._deadlines, (when, next(self._number), handle))
        return handle

    def call_soon(self, callback: Callback) -> Handle:
        """Call `callback` in the next turn."""
        return self.call_at(self.now(), callback)

    def after_turn(self, callback: Callback) -> None:
        """Call `callback` at the end of each turn, in the order of registration."""
        self._after_turn.append(callback)

    def run(self) -> None:
        """Turn until `stop()`."""
        self._running = True
        while self._running:
            self.turn()

    def stop(self) -> None:
        """End `run()` after this turn."""
        self._running = False

    def turn(self, timeout: float | None = None) -> None:
        """Wait for something to happen (at most `timeout` seconds) and call back for all of it."""
        ready = self._selector.select(self._wait(timeout))
        self.turns += 1
        for key, mask in ready:
            # A callback of this turn may have removed a later descriptor, so both are looked up only now.
            if mask & selectors.EVENT_READ:
                self._call(self._readers.get(key.fd))
            if mask & selectors.EVENT_WRITE:
                self._call(self._writers.get(key.fd))
        self._call_due()
        for callback in self._after_turn:
            self._call(callback)

    def close(self) -> None:
        """Forget everything."""
        self._readers.clear()
        self._writers.clear()
        self._deadlines.clear()
        self._selector.close()

    def _wait(self, timeout: float | None) -> float:
        while self._deadlines and self._deadlines[0][2].callback is None:
            heapq.heappop(self._deadlines)
        longest = _FOREVER if timeout is None else timeout
        if not self._deadlines:
            return longest
        return max(0.0, min(longest, self._deadlines[0][0] - self.now()))

    def _call_due(self) -> None:
        # Taken out first: what a callback sets for "now" belongs to the next turn, or a turn might never end.
        now, due = self.now(), []
        while self._deadlines and self._deadlines[0][0] <= now:
            due.append(heapq.heappop(self._deadlines)[2])
        for handle in due:
            callback, handle.callback = handle.callback, None
            self._call(callback)

    def _call(self, callback: Callback | None) -> None:
        if callback is None:
            return
        try:
            callback()
        except Exception:  # noqa: BLE001  (see the module's law)
            report_exception()

    def _register(self, fd: int) -> None:
        events = (selectors.EVENT_READ if fd in self._readers else 0) | (
            selectors.EVENT_WRITE if fd in self._writers else 0
        )
        if fd in self._selector.get_map():
            # Never modified in place: a descriptor that was closed meanwhile is gone from epoll without the selector
            # knowing, and if its number was given again, the new one would seem to be registered and never be heard.
            with contextlib.suppress(OSError, KeyError):
                self._selector.unregister(fd)
        if events:
            self._selector.register(fd, events)
