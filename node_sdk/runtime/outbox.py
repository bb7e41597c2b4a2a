"""Signals to successors, each over a channel that repeats it until it is taken (law 1: only wake-ups).

A signal that is on its way already is not sent a second time, however often it is wanted, but once more when it has
been taken: whoever took it may have looked before the second wish. So what waits for a successor that is away, or slow,
is bounded by the runs.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterable

import zmq

from node_sdk.errors import BadMessage
from node_sdk.runtime.channel import Channel, milliseconds
from node_sdk.runtime.ears import Ears, Ready
from node_sdk.wire.codec import decode, encode
from node_sdk.wire.signals import Signal, SignalTaken

_LOG = logging.getLogger("anacostia.runtime")


class Outbox:
    """Signals of node `source`; `endpoint` says where a node's inbox is."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], source: str, endpoint: Callable[[str], str]) -> None:
        self._context = context
        self._source = source
        self._endpoint = endpoint
        self._channels: dict[str, Channel] = {}
        self._under_way: dict[tuple[str, int], bool] = {}  # (successor, run) → whether it is wanted once more
        self._runs: dict[int, int] = {}  # seq → run, of what is under way
        self._seq = itertools.count(1)

    def signal(self, successor: str, run_id: int, attempt: int = 0) -> None:
        """Tell `successor` that its task of `run_id` is due, by `attempt` of ours. Never waits."""
        again = (successor, run_id) in self._under_way
        self._under_way[successor, run_id] = again
        if again:
            return
        channel = self._channels.get(successor)
        if channel is None:
            channel = self._channels[successor] = Channel(self._context, self._endpoint(successor))
        seq = next(self._seq)
        self._runs[seq] = run_id
        channel.send(seq, encode(Signal(seq, run_id, self._source, attempt)))

    def sources(self) -> Iterable[zmq.Socket[bytes]]:
        """Sockets to poll for reading; then call `receive`."""
        return [source for channel in self._channels.values() for source in channel.sources()]

    def deadline(self) -> float | None:
        """When `receive` wants to be called at the latest."""
        return min((due for each in self._channels.values() if (due := each.deadline()) is not None), default=None)

    def flush(self, seconds: float) -> None:
        """Wait until every signal has arrived, `seconds` at most: a process that ends at once takes them with it."""
        ears, until = Ears(), time.monotonic() + seconds
        while any(each.outstanding for each in self._channels.values()) and (now := time.monotonic()) < until:
            due = self.deadline()
            wait = milliseconds((until if due is None else min(until, due)) - now)
            self.receive(ears.listen(list(self.sources()), wait))

    def receive(self, ready: Ready) -> None:
        """Take in which signals arrived, where something is `ready`."""
        for successor, channel in self._channels.items():
            for data in channel.receive(ready) if channel.concerns(ready) else ():
                try:
                    seq = decode(data, SignalTaken).seq
                except BadMessage as error:
                    _LOG.error("cannot read an answer of node %r: %s", successor, error)
                    continue
                channel.answered(seq)
                run_id = self._runs.pop(seq, None)  # None: said again, and taken twice
                if run_id is not None and self._under_way.pop((successor, run_id)):
                    self.signal(successor, run_id)
