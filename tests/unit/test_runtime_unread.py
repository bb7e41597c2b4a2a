"""What waits for a peer that does not read stays bounded, and who reads misses nothing."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from node_sdk.errors import BadMessage
from node_sdk.runtime import conversation, unread
from node_sdk.runtime.conversation import Conversation
from node_sdk.runtime.inbox import Inbox
from node_sdk.wire.codec import decode, encode
from node_sdk.wire.loader import Load, QueryAnswer
from node_sdk.wire.signals import Signal
from node_sdk.wire.store import StoreReply

ROWS = "x" * 2**20


@pytest.fixture
def inbox(short: Path) -> Iterator[Inbox]:
    with zmq.Context() as context:
        made = Inbox(context, short / "in.sock")
        yield made
        made.close()


@pytest.fixture
def peer(inbox: Inbox) -> Iterator[tuple[zmq.Socket[bytes], bytes]]:
    """Somebody who asked, and what the inbox calls it."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.linger, dealer.rcvhwm = 0, 1
        dealer.connect(f"ipc://{inbox.path}")
        dealer.send(encode(Signal(1, 1, "files")))
        assert inbox.socket.poll(10_000)
        [(sender, _)] = inbox.receive(Signal)
        yield dealer, sender


def answers(dealer: zmq.Socket[bytes]) -> list[int]:
    """Numbers of the answers that arrive, up to the one that is small, and last."""
    found = []
    while True:
        assert dealer.poll(10_000)
        reply = decode(dealer.recv(), StoreReply)
        if reply.value is None:
            return found
        found.append(reply.seq)


def test_large_answers_to_a_peer_that_does_not_read_are_dropped_once_too_much_waits(
    inbox: Inbox, peer: tuple[zmq.Socket[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread, "MOST", 4 * 2**20)
    dealer, sender = peer
    for seq in range(20):
        inbox.reply(sender, StoreReply(seq, ROWS))
    inbox.reply(sender, StoreReply(99))
    arrived = answers(dealer)
    assert arrived == sorted(arrived)
    assert 3 <= len(arrived) < 10, arrived
    for seq in range(5):  # it reads again, and misses nothing
        until = time.monotonic() + 10
        while not inbox._unread.has_room(sender, len(ROWS) + 100):
            assert time.monotonic() < until
        inbox.reply(sender, StoreReply(seq, ROWS))
        inbox.reply(sender, StoreReply(99))
        assert answers(dealer) == [seq]


def test_one_that_does_not_read_costs_nobody_else_an_answer(
    inbox: Inbox, peer: tuple[zmq.Socket[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread, "MOST", 2**20)
    for seq in range(20):
        inbox.reply(b"nobody", StoreReply(seq, ROWS))  # gone: not counted for ever either
    dealer, sender = peer
    inbox.reply(sender, StoreReply(7, ROWS))
    inbox.reply(sender, StoreReply(99))
    assert answers(dealer) == [7]


def test_a_daemon_that_never_reads_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "MAX_UNSENT", 3 * 2**20)
    ours, theirs = socket.socketpair()
    talk = Conversation(ours)
    with theirs:
        for number in range(10):
            talk.send(QueryAnswer(number, ROWS.encode(), ""))
    assert talk.closed
    assert not talk.unsent


def test_a_stranger_may_say_little_until_it_is_known() -> None:
    ours, theirs = socket.socketpair()
    stranger = Conversation(ours, stranger=True)
    load = Load(file="/" + "x" * 5000, cwd="/", socket_dir="/", data_dir="/")
    with theirs:
        other = Conversation(theirs)
        other.send(load)  # type: ignore[arg-type]
        with pytest.raises(BadMessage):
            stranger.receive()
        stranger.close()
    ours, theirs = socket.socketpair()
    known = Conversation(ours, stranger=True)
    with theirs:
        known.trust()
        Conversation(theirs).send(load)  # type: ignore[arg-type]
        assert known.receive() == [load]
        known.close()
