"""Asks the metadata store of one pipeline, as the operator, without waiting: each question has a callback and a
deadline. The daemon reads runs for people here; it never depends on an answer (law 6).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import zmq

from anacostia_daemon.supervisor.loop import Handle, Loop
from node_sdk.errors import BadMessage
from node_sdk.runtime.channel import Channel
from node_sdk.wire.codec import decode, encode
from node_sdk.wire.store import OPERATOR, Operation, StoreReply, StoreRequest

Answer = Callable[[StoreReply], None]
TIMEOUT = 10.0  # seconds until a person hears that the store does not answer

UNAVAILABLE = "unavailable"  # kind of the replies made here, where the store said nothing


@dataclass(slots=True)
class _Asked:
    answer: Answer
    timeout: Handle


class StoreQuery:
    """The daemon's line to one store."""

    def __init__(self, loop: Loop, context: zmq.Context[zmq.Socket[bytes]], inbox: Path) -> None:
        self._loop = loop
        self._channel = Channel(context, f"ipc://{inbox}", loop.now)
        self._numbers = itertools.count(1)
        self._asked: dict[int, _Asked] = {}
        self._sources: tuple[zmq.Socket[bytes], ...] = ()  # the channel's, and …
        self._watched: tuple[int, ...] = ()  # … their descriptors: a closed socket no longer tells
        self._timer: Handle | None = None

    def ask(self, operation: Operation, answer: Answer) -> None:
        """Call `answer` with the reply, or with one of kind UNAVAILABLE."""
        seq = next(self._numbers)
        request = encode(StoreRequest(seq, OPERATOR, 0, operation))
        timeout = self._loop.call_at(self._loop.now() + TIMEOUT, lambda: self._give_up(seq))
        self._asked[seq] = _Asked(answer, timeout)
        self._channel.send(seq, request)
        self._loop.call_soon(self._receive)  # a send may swallow the edge of ZeroMQ's descriptor

    def close(self) -> None:
        """End the line; who still waits is told."""
        for seq in list(self._asked):
            self._finish(StoreReply(seq, error="the store was stopped", kind=UNAVAILABLE))
        self._unwatch()
        if self._timer is not None:
            self._timer.cancel()
        self._channel.close()

    def _receive(self) -> None:
        replies = []
        for data in self._channel.receive():
            try:
                replies.append(decode(data, StoreReply))
            except BadMessage:
                continue  # its question runs into its deadline
        self._watch()
        for reply in replies:
            self._finish(reply)

    def _finish(self, reply: StoreReply) -> None:
        asked = self._asked.pop(reply.seq, None)
        self._channel.answered(reply.seq)
        if asked is not None:
            asked.timeout.cancel()
            asked.answer(reply)

    def _give_up(self, seq: int) -> None:
        self._finish(StoreReply(seq, error=f"the store did not answer within {TIMEOUT:g} s", kind=UNAVAILABLE))

    def _watch(self) -> None:
        """The channel opens and closes sockets as connections come and go."""
        sources = tuple(self._channel.sources())
        # Compared by socket: a new one may well have got the descriptor's number of the one just closed.
        if sources != self._sources:
            self._unwatch()
            self._sources, self._watched = sources, tuple(int(each.getsockopt(zmq.FD)) for each in sources)
            for fd in self._watched:
                self._loop.add_reader(fd, self._receive)
            if sources:
                self._loop.call_soon(self._receive)  # it has sent already, and that may have swallowed the edge
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._channel.deadline()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._receive)

    def _unwatch(self) -> None:
        for fd in self._watched:
            self._loop.remove(fd)
        self._sources, self._watched = (), ()
