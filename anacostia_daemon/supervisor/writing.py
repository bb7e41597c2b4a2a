"""The daemon's writes to its journal, all through here: a journal that cannot be written (locked, disk full) stops
nothing and blocks nobody. Who wanted to write hears of it before anything has followed; it is tried again in a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from anacostia_daemon.journal.journal import Journal, JournalError
from anacostia_daemon.supervisor.log import report
from anacostia_daemon.supervisor.loop import Handle, Loop
from node_sdk.errors import AnacostiaError

WRITE_AGAIN = 1.0  # seconds until a journal that could not be written is tried again


class CannotWrite(AnacostiaError):
    """Nothing of this turn is in the journal."""


class Writing:
    """Calls `again`, in a later turn, whenever something could not be written."""

    def __init__(self, loop: Loop, journal: Journal, path: Path, again: Callable[[], None]) -> None:
        self._loop, self._journal, self._path, self._again = loop, journal, path, again
        self._timer: Handle | None = None
        self.trouble = ""  # why the last attempt failed
        self._reported = False  # of what was seen without an attempt
        self.wrote: Callable[[], None] = lambda: None  # who wants to know that there is something new

    @contextmanager
    def turn(self) -> Iterator[None]:
        """All that is written inside is on disk when this is left; CannotWrite where it is not, and nothing is."""
        try:
            with self._journal.turn():
                yield
        except JournalError as error:
            message = f"cannot write the journal {self._path}: {error}"
            if not self.trouble:
                report(f"{message}; nodes run on, none is started until it can be written", "error")
            self.trouble = message
            if self._timer is None:  # one for all who failed meanwhile
                self._timer = self._loop.call_at(self._loop.now() + WRITE_AGAIN, self._try_again)
            raise CannotWrite(message) from error
        if not self._journal.wrote:
            return
        self.wrote()
        if self.trouble:
            report("the journal can be written again", "notice")
            self.trouble = ""

    def look(self) -> str:
        """Why the journal cannot be written; empty where, as far as can be seen without writing, it can."""
        if self.trouble:
            return self.trouble
        why = self._journal.misplaced()
        if why and not self._reported:
            report(f"cannot write the journal {self._path}: {why}", "error")
        self._reported = bool(why)
        return why and f"cannot write the journal {self._path}: {why}"

    def _try_again(self) -> None:
        self._timer = None
        self._again()
