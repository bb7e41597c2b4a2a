"""One thread for each way of each rule: sends what it is given in order, tries again where that failed, sums up what
was held back. A way that hangs holds up no other.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from anacostia_daemon.companions.notify.channels import CannotSend, Channel
from anacostia_daemon.companions.notify.limit import Limit
from anacostia_daemon.companions.notify.notices import Notice

LONGEST_WAIT = 300.0  # seconds between two attempts
MOST_WAITING = 200  # notices; further ones are held back for the summary

Say = Callable[[str], None]
Done = Callable[[Notice], None]


class Sender:
    """`done` is called for each notice that was sent, held back or given up. A thread once `start` is called."""

    def __init__(self, channel: Channel, limit: Limit, attempts: int, retry_delay: float, say: Say, done: Done) -> None:
        self._channel, self._limit = channel, limit
        self._attempts, self._retry_delay = attempts, retry_delay
        self._say, self._done = say, done
        self._lock = threading.Lock()  # of the limit
        self._queue: queue.Queue[Notice] = queue.Queue()

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def give(self, notice: Notice) -> None:
        """To be sent; or held back. Never waits."""
        with self._lock:
            if self._queue.qsize() >= MOST_WAITING:
                self._limit.hold(notice)
                admitted = False
            else:
                admitted = self._limit.admit(notice, time.monotonic())
            if admitted:
                self._queue.put(notice)
        if not admitted:
            self._done(notice)
            self._queue.put(_LOOK)

    def _run(self) -> None:
        while True:
            self._turn()

    def _turn(self) -> None:
        with self._lock:
            summary = self._limit.summary(time.monotonic())
            due = self._limit.due()
        if summary is not None:
            self._send(summary)
            return
        wait = None if due is None else max(0.0, due - time.monotonic())
        try:
            notice = self._queue.get(timeout=wait)
        except queue.Empty:
            return
        if notice is not _LOOK:
            self._send(notice)
            self._done(notice)

    def _send(self, notice: Notice) -> None:
        for attempt in range(1, self._attempts + 1):
            try:
                self._channel.send(notice)
                return
            except CannotSend as error:
                why, for_good = str(error), error.for_good
            except Exception as error:  # noqa: BLE001  (a fault of ours must not end the thread)
                why, for_good = f"{type(error).__name__}: {error}", True
            if for_good or attempt == self._attempts:
                self._say(f"cannot tell by {self._channel.name}, given up: {why}. It was: {notice.text}")
                return
            wait = min(LONGEST_WAIT, self._retry_delay * 2 ** (attempt - 1))
            self._say(f"cannot tell by {self._channel.name}, tried again in {wait:g} s: {why}")
            time.sleep(wait)


_LOOK = Notice(event="", pipeline="", reason="", at="")  # something was held back: when is the summary due?
