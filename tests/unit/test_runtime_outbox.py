"""Signals wait for a successor that is away, in a bounded number, and none that is wanted is missing."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from node_sdk.runtime.inbox import Inbox
from node_sdk.runtime.outbox import Outbox
from node_sdk.wire.signals import Signal, SignalTaken


class Post:
    """An outbox, and the inbox of its successor once that is up."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "after.sock"
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.outbox = Outbox(self.context, "before", lambda node: f"ipc://{folder}/{node}.sock")
        self.inbox: Inbox | None = None

    def taken(self, count: int) -> list[int]:
        """The runs of the next `count` signals, each of which is taken."""
        self.inbox = self.inbox or Inbox(self.context, self.path)
        runs: list[int] = []
        until = time.monotonic() + 10
        while len(runs) < count:
            assert time.monotonic() < until, runs
            poller = zmq.Poller()
            for source in (*self.outbox.sources(), self.inbox.socket):
                poller.register(source, zmq.POLLIN)
            self.outbox.receive(dict(poller.poll(10)))
            for sender, signal in self.inbox.receive(Signal):
                self.inbox.reply(sender, SignalTaken(signal.seq))
                runs.append(signal.run_id)
        return runs

    def outstanding(self) -> int:
        return sum(channel.outstanding for channel in self.outbox._channels.values())

    def close(self) -> None:
        for channel in self.outbox._channels.values():
            channel.close()
        if self.inbox is not None:
            self.inbox.close()
        self.context.term()


@pytest.fixture
def post() -> Iterator[Post]:
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="ana") as folder:
        made = Post(Path(folder))
        yield made
        made.close()


def test_what_waits_for_one_who_is_away_is_bounded_by_the_runs(post: Post) -> None:
    for _ in range(5000):
        for run in (1, 2):
            post.outbox.signal("after", run)
    assert post.outstanding() == 2
    assert sorted(post.taken(4)) == [1, 1, 2, 2]


def test_a_signal_wanted_while_one_is_under_way_is_sent_once_that_was_taken(post: Post) -> None:
    post.outbox.signal("after", 1)
    assert post.taken(1) == [1]  # and looked, before the outbox hears that it was taken
    post.outbox.signal("after", 1)
    assert post.taken(1) == [1]
    post.outbox.signal("after", 2)
    assert post.taken(1) == [2]  # no third of run 1
