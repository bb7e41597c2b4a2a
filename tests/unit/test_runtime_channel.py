from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from node_sdk.runtime.channel import Channel, milliseconds


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Wire:
    """A channel, and a receiver that can die and come back."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="ana"))
        self.endpoint = f"ipc://{self.folder}/inbox.sock"
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.clock = Clock()
        self.channel = Channel(self.context, self.endpoint, self.clock)
        self.router: zmq.Socket[bytes] | None = None
        self.sender = b""

    def up(self) -> None:
        self.receiver: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.router = self.receiver.socket(zmq.ROUTER)
        self.router.linger = 0
        self.router.bind(self.endpoint)

    def down(self) -> None:
        assert self.router is not None
        self.router.close()
        self.receiver.term()  # waits until its path is free
        self.router = None

    def arrived(self, count: int) -> list[bytes]:
        """The next `count` messages at the receiver, with the channel's own work done meanwhile."""
        found: list[bytes] = []

        def take() -> bool:
            self.channel.receive()
            self.clock.now += 0.01
            assert self.router is not None
            while self.router.poll(0):
                self.sender, data = self.router.recv_multipart()
                found.append(data)
            return len(found) >= count

        self.until(take)
        return found

    def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(2000):
            if condition():
                return
            poller = zmq.Poller()
            for source in (*self.channel.sources(), *([self.router] if self.router else [])):
                poller.register(source, zmq.POLLIN)
            poller.poll(5)
        raise AssertionError("waited in vain")

    def close(self) -> None:
        self.channel.close()
        if self.router is not None:
            self.down()
        self.context.term()
        shutil.rmtree(self.folder)


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    made.close()


def test_what_is_outstanding_is_sent_again_in_order_when_the_receiver_comes_back(wire: Wire) -> None:
    wire.up()
    for seq in (1, 2, 3):
        wire.channel.send(seq, b"%d" % seq)
    assert wire.arrived(3) == [b"1", b"2", b"3"]
    wire.channel.answered(1)
    wire.down()
    wire.up()
    wire.channel.send(4, b"4")
    assert wire.arrived(3)[-3:] == [b"2", b"3", b"4"]


def test_nothing_overtakes_what_was_lost_with_a_connection(wire: Wire) -> None:
    wire.up()
    wire.channel.send(1, b"1")
    assert wire.arrived(1) == [b"1"]
    wire.down()
    wire.up()
    assert wire.router is not None
    wire.channel.send(2, b"2")
    assert not wire.router.poll(500)  # the owner of the channel is busy elsewhere; ZeroMQ would have come back by now
    assert wire.arrived(2) == [b"1", b"2"]


def test_sending_into_a_connection_that_has_just_ended_does_not_wait(wire: Wire) -> None:
    wire.up()
    wire.channel.send(1, b"1")
    assert wire.arrived(1) == [b"1"]
    (socket, monitor) = wire.channel.sources()
    wire.down()
    assert monitor.poll(5000)  # the end is known to ZeroMQ, and not yet to the channel
    assert not socket.poll(50)
    wire.channel.send(2, b"2")
    wire.up()
    assert wire.arrived(2) == [b"1", b"2"]


def test_what_is_sent_before_the_receiver_exists_arrives_once_it_does(wire: Wire) -> None:
    for seq in range(5):
        wire.channel.send(seq, b"%d" % seq)
    wire.until(lambda: not wire.channel.receive() and wire.channel.sources() == ())
    wire.up()
    assert wire.arrived(5) == [b"0", b"1", b"2", b"3", b"4"]


def test_an_answered_message_is_not_repeated(wire: Wire) -> None:
    wire.up()
    wire.channel.send(1, b"one")
    assert wire.arrived(1) == [b"one"]
    wire.channel.answered(1)
    wire.down()
    wire.until(lambda: not wire.channel.receive() and wire.channel.sources() == ())
    wire.up()
    wire.channel.send(2, b"two")
    assert wire.arrived(1) == [b"two"]


def test_a_channel_with_nothing_outstanding_opens_nothing_and_has_no_deadline(wire: Wire) -> None:
    assert wire.channel.sources() == ()
    assert wire.channel.deadline() is None
    wire.up()
    wire.channel.send(1, b"one")
    wire.arrived(1)
    wire.channel.answered(1)
    assert wire.channel.deadline() is None
    wire.down()
    wire.until(lambda: not wire.channel.receive() and wire.channel.sources() == ())
    assert wire.channel.deadline() is None


def test_a_receiver_that_does_not_answer_hears_it_again_after_patience_and_then_ever_more_rarely(wire: Wire) -> None:
    wire.up()
    wire.channel.send(1, b"one")
    assert wire.arrived(1) == [b"one"]
    deadline = wire.channel.deadline()
    assert deadline is not None
    assert 4 < deadline - wire.clock.now <= 5
    wire.clock.now = deadline
    assert wire.arrived(1) == [b"one"]
    later = wire.channel.deadline()
    assert later is not None
    assert 9 < later - wire.clock.now <= 10


def test_answers_come_back(wire: Wire) -> None:
    wire.up()
    wire.channel.send(1, b"question")
    wire.arrived(1)
    assert wire.router is not None
    wire.router.send_multipart((wire.sender, b"answer"))
    answers: list[bytes] = []

    def answered() -> bool:
        answers.extend(wire.channel.receive())
        return bool(answers)

    wire.until(answered)
    assert answers == [b"answer"]


@pytest.mark.parametrize(("seconds", "expected"), [(-1.0, 0), (0.0, 0), (0.0004, 1), (0.0021, 3), (5.0, 5000)])
def test_a_wait_is_rounded_up_to_milliseconds(seconds: float, expected: int) -> None:
    assert milliseconds(seconds) == expected
