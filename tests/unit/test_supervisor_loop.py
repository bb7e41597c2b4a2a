"""The loop calls back for descriptors and deadlines, and outlives what its callbacks do."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from anacostia_daemon.supervisor.loop import Loop
from anacostia_daemon.supervisor.moments import Moments


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def loop(clock: Clock) -> Iterator[Loop]:
    made = Loop(clock)
    yield made
    made.close()


def test_deadlines_come_in_order_and_not_before_their_time(loop: Loop, clock: Clock) -> None:
    came: list[str] = []
    loop.call_at(102, lambda: came.append("second"))
    loop.call_at(101, lambda: came.append("first"))

    loop.turn(0)
    assert came == []
    clock.now = 102
    loop.turn(0)
    assert came == ["first", "second"]
    loop.turn(0)
    assert came == ["first", "second"]


def test_a_cancelled_deadline_never_comes(loop: Loop, clock: Clock) -> None:
    came: list[str] = []
    later = loop.call_at(101, lambda: came.append("later"))
    loop.call_at(101, later.cancel)
    first = loop.call_at(101, lambda: came.append("cancelled before"))
    first.cancel()
    first.cancel()

    clock.now = 200
    loop.turn(0)

    assert came == ["later"]  # it came before the one that would have cancelled it


def test_what_a_callback_sets_for_now_comes_in_the_next_turn(loop: Loop) -> None:
    turns: list[int] = []

    def again() -> None:
        turns.append(len(turns))
        loop.call_soon(again)

    loop.call_soon(again)
    loop.turn(0)
    assert turns == [0]
    loop.turn(0)
    assert turns == [0, 1]


def test_a_descriptor_that_is_removed_in_a_turn_is_not_called_back_in_it(loop: Loop) -> None:
    pairs = [socket.socketpair() for _ in range(2)]
    called: list[int] = []

    def read(index: int) -> None:
        called.append(index)
        for ours, _ in pairs:
            loop.remove(ours.fileno())

    for index, (ours, theirs) in enumerate(pairs):
        theirs.send(b"x")
        loop.add_reader(ours.fileno(), lambda index=index: read(index))  # type: ignore[misc]
    loop.turn(0)
    loop.turn(0)

    assert len(called) == 1
    for pair in pairs:
        for each in pair:
            each.close()


def test_reading_and_writing_on_one_descriptor_are_apart(loop: Loop) -> None:
    ours, theirs = socket.socketpair()
    called: list[str] = []
    loop.add_reader(ours.fileno(), lambda: called.append("read"))
    loop.add_writer(ours.fileno(), lambda: called.append("write"))

    loop.turn(0)
    assert called == ["write"]
    loop.remove_writer(ours.fileno())
    theirs.send(b"x")
    loop.turn(0)
    assert called == ["write", "read"]
    ours.close()
    theirs.close()


def test_a_callback_that_raises_is_reported_and_the_others_go_on(loop: Loop, capfd: pytest.CaptureFixture[str]) -> None:
    came: list[str] = []
    loop.call_soon(lambda: 1 / 0)
    loop.call_soon(lambda: came.append("next"))
    loop.after_turn(lambda: came.append("end of turn"))

    loop.turn(0)

    assert came == ["next", "end of turn"]
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_run_turns_until_it_is_stopped(loop: Loop) -> None:
    loop.call_soon(loop.stop)

    loop.run()


def test_a_descriptor_closed_before_its_removal_does_no_harm(loop: Loop) -> None:
    reader, writer = os.pipe()
    loop.add_reader(reader, lambda: None)
    os.close(reader)
    os.close(writer)

    loop.remove(reader)
    loop.remove(reader)
    loop.turn(0)


def test_a_descriptor_that_gets_the_number_of_one_closed_before_its_removal_is_heard(loop: Loop) -> None:
    reader, writer = os.pipe()
    loop.add_reader(reader, lambda: None)
    os.close(reader)
    os.close(writer)
    again, writer = os.pipe()
    assert again == reader
    heard: list[bytes] = []

    loop.add_reader(again, lambda: heard.append(os.read(again, 1)))
    os.write(writer, b"x")
    loop.turn(0)

    assert heard == [b"x"]
    loop.remove(again)
    os.close(again)
    os.close(writer)


def test_a_moment_keeps_its_wall_time_when_the_clock_is_set(clock: Clock) -> None:
    wall = Clock()
    wall.now = 5000.0
    moments = Moments(clock, wall)

    assert moments.wall(90.0) == 4990.0
    wall.now = 9_999_999.0
    assert moments.wall(90.0) == 4990.0
    assert moments.wall(None) is None


def test_a_wall_time_of_an_earlier_daemon_comes_back_as_it_was(clock: Clock) -> None:
    wall = Clock()
    wall.now = 5000.0
    moments = Moments(clock, wall)

    moment = moments.moment(4000.25)

    assert moment == 100.0 - 999.75
    assert moments.wall(moment) == 4000.25
    assert moments.moment(6000.0) == 100.0  # from a clock that was ahead: not in the future
