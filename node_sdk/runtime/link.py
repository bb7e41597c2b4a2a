"""The node's word to the daemon: heartbeats and last words one way; pause, resume and cancelled runs the other.

A heartbeat that says nothing new, of a node at rest, is no message but a moment in a file (node_sdk.pulse): an idle
pipeline wakes nobody with it. It is said in full a few times after a daemon has come, and now and then, because a
daemon may not have been able to make anything of the first.

A thread of its own holds the socket, so that beats go on while `execute()` works for hours. It falls silent when the
main thread is stuck where it should not be (in a trigger_condition() that never returns, say), so that the daemon
finds the node hung and replaces it. It also keeps the time of tasks (watch.py) and the size of the log (log_watch.py).
The daemon may be away: then beats are dropped, and nothing else changes (law 6).
"""

from __future__ import annotations

import contextlib
import logging
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

import zmq

from node_sdk.errors import BadMessage
from node_sdk.pulse import Pulse
from node_sdk.runtime.channel import has_message, milliseconds
from node_sdk.runtime.interrupt import Interrupt
from node_sdk.runtime.lines import DaemonLine
from node_sdk.runtime.log_watch import LogWatch
from node_sdk.runtime.recall import Recall
from node_sdk.runtime.watch import TaskWatch
from node_sdk.wire.codec import decode, encode
from node_sdk.wire.link import Beat, CancelTask, DaemonMessage, LastWords, NodeMessage, SetPaused

LONGEST_INTERVAL = 10.0  # seconds between two beats
LONGEST_REST = 15.0  # … and two that are no messages, none of which can be lost
AT_ONCE = 0.05  # seconds until the daemon hears of other work, where it has heard nothing of late
SOON = 0.25  # seconds between two beats for that reason, and …
SOON_OF_RUNS = 0.1  # … between two of a store, for who looks on
FAREWELL = 1.0  # seconds that last words may take to leave
IN_FULL_FIRST = 3  # beats in full after a daemon has come, and …
IN_FULL_EVERY = 30  # … of those that follow
AT_REST = ("idle", "watching")  # the work of a node that waits for something to do

_LOG = logging.getLogger("anacostia.runtime")


class Link:
    """The link of incarnation `incarnation` of `node`. `changed` is called, in the thread, when `paused` changes or a
    run was cancelled; `watch` is told of the latter, and looked after; `overdue` when work may have lasted SOON.
    `heeds`: the main thread has something to do before a pause holds, and says `heed` then."""

    def __init__(
        self,
        line: DaemonLine,
        *,
        pipeline: str,
        node: str,
        incarnation: int,
        heartbeat_timeout: float,
        paused: bool = False,
        heeds: bool = False,
        changed: Callable[[], None] = lambda: None,
        watch: TaskWatch | None = None,
        pulse: Pulse | None = None,
        log_watch: LogWatch | None = None,
        overdue: Callable[[], None] = lambda: None,
    ) -> None:
        self.paused = self._heeded = paused
        self._heeds = heeds
        self.interval = min(heartbeat_timeout / 3, LONGEST_INTERVAL)
        self._rest = LONGEST_REST if heartbeat_timeout >= 2 * LONGEST_REST else self.interval
        self._identity = (pipeline, node, incarnation)
        self._ready = False
        self._work = "starting"
        self._said = ""  # what the last beat said of the work
        self._news_at: float | None = None  # when the work changed; None: not since it was last looked at
        self._runs = self._said_runs = (0, 0, 0)  # of a store: how many have ended, of those failed; how much moved
        self._beat_at = 0.0  # when the last beat left
        self._changed = changed
        self._watch = watch or TaskWatch(Recall(), 0.0, lambda called: None)
        self._pulse = pulse
        self._beats = 0  # since a daemon has come
        self._log_watch = log_watch
        self._overdue = overdue
        self._busy_since: float | None = time.monotonic()  # None: the main thread may take as long as it likes
        self._words: deque[NodeMessage] = deque()
        self._said_all = threading.Event()
        self._ended = False
        self._spoke = True  # since it was last looked whether something has come
        self._wakeup = Interrupt()
        self._line, self._farewell = line, 0.0
        self._begun = False

    def start(self) -> None:
        """Begin to beat."""
        self._begun = True
        self._line.thread.do(self._run)

    def ready(self) -> None:
        """setup() is done; the daemon hears it before this thread goes on, and keeps the other from speaking."""
        self._ready = True
        self._words.append(self._beat())
        self._said_all.clear()
        self.poke()
        self._said_all.wait(SOON)

    def work(self, text: str) -> None:
        """What the node does now, in a few words. Said AT_ONCE or within SOON seconds, unless it is over by then."""
        if text[:200] == self._work:
            return
        self._work = text[:200]
        self._tell_soon()

    def _tell_soon(self) -> None:
        if self._news_at is None:  # the thread is woken once in a while, however fast work changes
            self._news_at = time.monotonic()
            self._wakeup.poke()

    def runs(self, ended: int, failed: int, moves: int) -> None:
        """So many runs have ended in a store, so many of them as failed, and so often something has changed. Said as
        soon as other work is."""
        if (ended, failed, moves) != self._runs:
            self._runs = (ended, failed, moves)
            self._tell_soon()

    def heed(self, paused: bool) -> None:
        """A pause holds now, or does no longer; the daemon hears it at once."""
        if paused != self._heeded:
            self._heeded = paused
            self._words.append(self._beat())
            self.poke()

    def poke(self) -> None:
        """The thread is to look again: the watch has a new deadline."""
        self._wakeup.poke()

    def alive(self) -> None:
        """The main thread is not stuck: called where it waits for others."""
        if self._busy_since is not None:
            self._busy_since = time.monotonic()

    @contextlib.contextmanager
    def unhurried(self) -> Iterator[None]:
        """Inside, the main thread may take as long as it likes: user's jobs, and waiting for something to do."""
        before, self._busy_since = self._busy_since, None
        try:
            yield
        finally:
            self._busy_since = None if before is None else time.monotonic()

    def last_words(self, words: LastWords) -> None:
        """Say why this process ends, and wait (for a second at most) until it is said."""
        self._words.append(words)
        self._farewell = FAREWELL
        if threading.current_thread() is self._line.thread:
            self._leave()
        else:
            self.close()

    def close(self) -> None:
        """Send what is left to say, and end the thread."""
        if self._ended:
            return
        self._ended = True
        if not self._begun:
            self._wakeup.close()
            return
        self._wakeup.poke()
        if threading.current_thread() is not self._line.thread:
            self._line.thread.join(FAREWELL + 0.5)

    def _beat(self) -> Beat:
        self._said, self._said_runs, self._beat_at = self._work, self._runs, time.monotonic()
        return Beat(*self._identity, self._ready, self._said, *self._said_runs, self._heeded)

    def _run(self) -> None:
        # Not zmq.Poller, which takes longer than all else that a heartbeat takes.
        poller = select.poll()
        for each in (self._wakeup.fd, *(int(each.getsockopt(zmq.FD)) for each in self._line.sockets)):
            poller.register(each, select.POLLIN)
        self._connected()  # before the first beat, or there would be two
        due = time.monotonic()
        while not self._ended:
            now = time.monotonic()
            if now >= due:
                due = now + self.interval
                if not self._stuck(now) and self._live_on():
                    due = now + self._rest
            self._watch.look()
            deadlines = (due, self._watch.deadline(), self._tell_news(now), self._look_at_log())
            wait = milliseconds(min(each for each in deadlines if each is not None) - now)
            if not self._overheard() and not poller.poll(wait):
                continue
            self._wakeup.clear()
            self._say()
            self._hear()
            if self._connected():
                due, self._beats = time.monotonic(), 0
        self._leave()

    def _leave(self) -> None:
        self._say()
        self._line.close(self._farewell)
        if self._pulse is not None:
            self._pulse.close()
        self._wakeup.close()

    def _overheard(self) -> bool:
        """Whether something came while we spoke: ZeroMQ's descriptors tell of changes, and a send takes them in."""
        spoke, self._spoke = self._spoke, False
        return spoke and any(map(has_message, self._line.sockets))

    def _live_on(self) -> bool:
        """Beat, in full where that may say something that the daemon does not know; whether it was no message."""
        number, self._beats = self._beats, self._beats + 1
        said_before = number >= IN_FULL_FIRST and number % IN_FULL_EVERY and self._said == self._work
        quiet = said_before and self._work in AT_REST and self._news_at is None
        if quiet and self._pulse is not None and self._pulse.beat(self._ready):
            return True
        self._send(self._beat())
        return False

    def _tell_news(self, now: float) -> float | None:
        """Beat when the work has been another for a moment, and not too often; returns when to look again."""
        if self._news_at is None:
            return None
        pause = SOON if self._runs == self._said_runs else SOON_OF_RUNS
        due = max(self._news_at + AT_ONCE, min(self._beat_at, self._news_at) + pause)
        if now < due:
            return due
        self._news_at = None
        self._overdue()
        if (self._work, self._runs) != (self._said, self._said_runs):
            self._send(self._beat())
        return None

    def _connected(self) -> bool:
        """Whether a daemon has come. It may be a new one, which has not heard of this node: it should not have to
        wait for the next beat."""
        found = False
        while has_message(self._line.monitor):
            self._line.monitor.recv_multipart(zmq.DONTWAIT)
            found = True
        return found

    def _look_at_log(self) -> float | None:
        """Rotate it where it is full; returns when to look again."""
        return None if self._log_watch is None else self._log_watch.look(at_work=self._work not in AT_REST)

    def _stuck(self, now: float) -> bool:
        since = self._busy_since
        return since is not None and now - since > self.interval

    def _say(self) -> None:
        while self._words:
            self._send(self._words.popleft())
        self._said_all.set()

    def _send(self, message: NodeMessage) -> None:
        self._spoke = True
        try:
            self._line.socket.send(encode(message), zmq.DONTWAIT)
        except zmq.Again:  # the daemon is away, or does not read
            self._beats = 0

    def _hear(self) -> None:
        while has_message(self._line.socket):
            try:
                message = decode(self._line.socket.recv(zmq.DONTWAIT), DaemonMessage)
            except BadMessage as error:
                _LOG.error("cannot read a message of the daemon: %s", error)
                continue
            if isinstance(message, SetPaused) and message.paused != self.paused:
                self.paused = message.paused
                if not self._heeds:
                    self.heed(self.paused)
                self._changed()
            elif isinstance(message, CancelTask):
                self._watch.cancelled(message.run_id)
                self._changed()
