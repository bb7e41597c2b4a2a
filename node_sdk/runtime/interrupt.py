"""How the main thread of a node is woken: by SIGTERM, by its heartbeat thread, by user threads that call `wake`.

One socket pair; its reading end is in every poll of the main thread, so that nothing waits on and nothing polls.
What the wake-up is about stands in flags, which the main loop reads before each poll. Whoever else waits in the main
thread, for an answer say, takes wake-ups away that the main loop has not seen: then `missed` has it look again.
"""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator
from types import FrameType

from node_sdk.runtime.recall import Recall


class Stopping(BaseException):
    """SIGTERM has come while the main thread waited for something that need not happen any more."""


class Interrupt:
    """`stopping` is set by SIGTERM, `asked` by `wake()`; both make `fd` readable."""

    def __init__(self) -> None:
        self.stopping = False
        self.asked = False
        self.missed = False
        self.recall = Recall()
        self._held = 0
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self.fd = self._reader.fileno()

    def install(self) -> None:
        """Take SIGTERM, and ignore SIGINT: Ctrl-C goes to the daemon, which stops nodes in order."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # Resources ask with a read lease whether a file is being written; a writer who comes that instant breaks it,
        # and the kernel says so with SIGIO, which by default ends the process.
        signal.signal(signal.SIGIO, signal.SIG_IGN)
        self.recall.install()
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)

    def wake(self) -> None:
        """Ask the main loop to look again; from any thread."""
        self.asked = True
        self.poke()

    def poke(self) -> None:
        """Make `fd` readable, for a flag that is kept elsewhere."""
        with contextlib.suppress(BlockingIOError):  # full of wake-ups: awake it will be
            self._writer.send(b"\0")

    def close(self) -> None:
        """In a forked child: this pair is its parent's."""
        self._reader.close()
        self._writer.close()

    def clear(self) -> None:
        """Take the wake-ups away, and look at every flag after this."""
        self._drain()
        self.missed = False

    def pass_over(self) -> None:
        """Take the wake-ups away while waiting for something else than what they are about."""
        if self._drain():
            self.missed = True

    def _drain(self) -> bool:
        """Whether there was anything."""
        found = False
        with contextlib.suppress(BlockingIOError):
            while self._reader.recv(4096):
                found = True
        return found

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Inside, what waits goes on waiting although SIGTERM has come: a task that has begun may end."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    def check(self) -> None:
        """Raise Stopping when this process should end, outside of `held`, and what calls user code back (`recall`).

        Only for the main thread.
        """
        self.recall.check()
        if self.stopping and not self._held:
            raise Stopping

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True
