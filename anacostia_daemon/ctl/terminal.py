"""What a foreground session has besides its daemon: signals as a descriptor, the start in a thread, the words shown."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections import Counter
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from anacostia_daemon.control.client import Client, ControlFailure
from anacostia_daemon.ctl.logview import LogView
from anacostia_daemon.ctl.screen import DIM, styled
from anacostia_daemon.ctl.sentences import sentence
from anacostia_daemon.ctl.text import printable
from anacostia_daemon.ctl.watch import Watch
from node_sdk.errors import AnacostiaError

if TYPE_CHECKING:
    from anacostia_daemon.paths import Home

_ENTRIES = 200  # lines of the journal that are looked at when it changed
_ANSWER_WITHIN = 5.0


def tell(text: str) -> None:
    """A line of our own, apart from what the nodes say."""
    for line in text.splitlines():
        click.echo(styled(f"anacostia: {printable(line, tabs=True)}", DIM), err=True)


class Posix:
    """POSIX signals that wake a wait: Ctrl-C, the end of the terminal, the end of the daemon."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self.interrupts = 0
        self.fd = self._reader.fileno()
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._interrupted)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def wake(self) -> None:
        """End the wait from another thread."""
        with contextlib.suppress(BlockingIOError):
            self._writer.send(b"\0")

    def drain(self) -> None:
        """Forget what woke us; what it means is looked up."""
        with contextlib.suppress(BlockingIOError):
            while self._reader.recv(4096):
                pass

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        self.interrupts += 1


class Starter:
    """Asks the daemon to start the file, in a thread: loading may take minutes, and Ctrl-C must not wait for it."""

    def __init__(self, home: Home, request: dict[str, Any], posix: Posix) -> None:
        self.outcome: dict[str, Any] | AnacostiaError | None = None
        self._home, self._request, self._posix = home, request, posix
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            with Client(self._home) as client:
                self.outcome = client.request("start", self._request, tell)
        except AnacostiaError as error:
            self.outcome = error
        self._posix.wake()


class Told:
    """What is shown: lines of the nodes' logs, sentences of the journal; from now on, not what was before."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._logs = LogView(home, None, short=True)
        self._logs.skip()
        self._watch = Watch()
        self._journal = self._state_of_journal()
        self._known = Counter(map(_identity, self._entries() or []))

    def look(self) -> None:
        """Show what is new."""
        self._watch.add([self._home.path, *self._logs.directories()])
        self._logs.show_more()
        state = self._state_of_journal()
        if state != self._journal:
            self._journal = state
            self._show_entries()

    def wait(self, other: int) -> None:
        """Until there may be something new, or descriptor `other` can be read."""
        self._watch.wait([other])

    def close(self) -> None:
        """End watching."""
        self._watch.close()
        self._logs.close()

    def _show_entries(self) -> None:
        entries = self._entries()
        if entries is None:
            return
        told = Counter[str]()
        for entry in entries:
            this = _identity(entry)
            told[this] += 1
            if told[this] > self._known[this]:
                tell(sentence(entry, with_pipeline=False))
        self._known = told

    def _entries(self) -> list[dict[str, Any]] | None:
        """None while no daemon answers."""
        try:
            with Client(self._home) as client:
                return list(client.request("journal", {"limit": _ENTRIES}, timeout=_ANSWER_WITHIN))
        except ControlFailure:
            return None

    def _state_of_journal(self) -> tuple[int, ...]:
        """Changes with every write to it; reading it does not change it."""
        state: list[int] = []
        for suffix in ("", "-wal"):
            with contextlib.suppress(OSError):
                found = self._home.journal.with_name(self._home.journal.name + suffix).stat()
                state += [found.st_size, found.st_mtime_ns]
        return tuple(state)


def _identity(entry: dict[str, Any]) -> str:
    """An entry of the journal as it is: what is shown of it, the day of its time say, changes."""
    return repr(sorted(entry.items()))
