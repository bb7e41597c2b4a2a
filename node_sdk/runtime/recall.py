"""How the main thread is called back out of user code: by a POSIX signal whose handler raises.

Only inside `run` does it raise, and there not inside our own bookkeeping (`shielded`), which would be left half done;
then at its end. Whoever is called back may swallow what is raised: what happens then is in `watch`.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

from node_sdk.errors import Recalled

T = TypeVar("T")

# Ignored by default, so one that is late harms neither us nor what user code has started; and no library's own.
SIGNAL = signal.SIGURG


class Recall:
    """Of one process; without `install` nothing is ever raised."""

    def __init__(self) -> None:
        self._main: int | None = None
        self._pending: Recalled | None = None
        self._in_user_code = False
        self._shields = 0
        self.shielded = Shield(self)

    def install(self) -> None:
        """In the main thread."""
        self._main = threading.get_ident()
        signal.signal(SIGNAL, self._arrived)

    def call(self, error: Recalled) -> None:
        """Have `error` raised where the main thread is in user code, or once it is; from any thread."""
        self._pending = error
        if self._main is not None:
            signal.pthread_kill(self._main, SIGNAL)

    def forget(self) -> None:
        """What has not been raised by now comes too late."""
        self._pending = None

    def run(self, step: Callable[[], T]) -> T:
        """What `step`, which is user code, returns. No context manager: it may be left between any two instructions,
        also those of a `with`."""
        try:
            try:
                self._in_user_code = True
                self.check()
                return step()
            finally:
                self._in_user_code = False
        finally:
            self._in_user_code = False  # the line above may be where it was raised; not this one, it is raised once

    def shield(self) -> None:
        """Until `unshield`, in the main thread: see `Shield`."""
        if threading.get_ident() == self._main:
            self._shields += 1

    def unshield(self) -> None:
        if threading.get_ident() == self._main:
            self._shields -= 1
            if not self._shields:
                self.check()

    def check(self) -> None:
        """Raise what is pending, where user code waits for us: a safe place to leave."""
        if self._in_user_code and self._pending is not None:
            error, self._pending = self._pending, None
            raise error

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        if not self._shields:
            self.check()


class Shield:
    """Inside, our own code works for user code: it is not left in the middle, but at its end, or in `check`. Around
    every word to the store, so it is no generator: that would take ten times as long.
    """

    __slots__ = ("_recall",)

    def __init__(self, recall: Recall) -> None:
        self._recall = recall

    def __enter__(self) -> None:
        self._recall.shield()

    def __exit__(self, *exc: object) -> None:
        self._recall.unshield()
