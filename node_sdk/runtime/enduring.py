"""How a store goes on when its database does not: a full disk, a lock that somebody holds, a server that restarts.

What was asked is kept and tried again, at first soon, then every few seconds; the heart beats, `status` says what is
wrong, and nothing is answered before it is committed. What waiting cannot mend ends the process with words.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

import zmq

from node_sdk.errors import StoreBroken, StoreUnavailable
from node_sdk.runtime.live import LOG, Ending, Live

PAUSE_FIRST = 0.1  # seconds until it is tried again, twice as long each time …
PAUSE_MOST = 2.0  # … up to this

T = TypeVar("T")


class Until:
    """A moment to wait for, as `Live.wait` takes it."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def sources(self) -> Iterable[zmq.Socket[bytes]]:
        return ()

    def deadline(self) -> float:
        return self._end

    @property
    def come(self) -> bool:
        return time.monotonic() >= self._end


class Enduring:
    """For the store in `live`; `reopen` lets go of the database and takes it again."""

    def __init__(self, live: Live, reopen: Callable[[], None]) -> None:
        self._live = live
        self._reopen = reopen
        self.troubles = 0  # how often the database failed and then could again

    def until_done(self, work: Callable[[], T], meanwhile: Callable[[StoreUnavailable], bool] | None = None) -> T:
        """What `work` returns, once it can. `meanwhile` is called as long as it cannot, whenever something arrives;
        it says whether it wants to hear of more. Raises StoreUnavailable where there is no time to wait."""
        since, pause, failures, said = time.monotonic(), PAUSE_FIRST, 0, ""
        while True:
            try:
                if failures > 1:  # not for a lock that is held for a moment
                    self._reopen()
                done = work()
            except StoreBroken as error:
                raise Ending("error", str(error)) from error
            except StoreUnavailable as error:
                if threading.current_thread() is not threading.main_thread():
                    raise  # a user's thread; the main loop is the one to wait
                if said != str(error):
                    said = str(error)
                    LOG.error("%s; trying again until it can", said)
                failures += 1
                self._pause(error, pause, meanwhile)
                pause = min(pause * 2, PAUSE_MOST)
                continue
            if failures:
                self.troubles += 1
                self._live.link.work("idle")
                LOG.info("the metadata store can work again, after %.1f s", time.monotonic() - since)
            return done

    def _pause(
        self, error: StoreUnavailable, seconds: float, meanwhile: Callable[[StoreUnavailable], bool] | None
    ) -> None:
        live, until = self._live, Until(seconds)
        live.link.work(f"cannot commit: {error.cause}; trying again")
        while not until.come:
            live.interrupt.check()
            if live.interrupt.stopping:
                raise error  # on its way out, what it still wanted to record is not waited for
            listening = meanwhile is not None and meanwhile(error)
            live.wait(until, inbox=listening)
