"""Parts of the shell with real sockets and processes: families are cleared, garbage is not listened to, and nobody's
trouble is everybody's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from anacostia_daemon.paths import Home
from anacostia_daemon.process.family import Head
from anacostia_daemon.process.handle import hold
from anacostia_daemon.process.identity import start_time
from anacostia_daemon.process.marks import ROOM, VARIABLE, Mark
from anacostia_daemon.process.reaper import Reaper
from anacostia_daemon.supervisor import clearing
from anacostia_daemon.supervisor import link as link_module
from anacostia_daemon.supervisor.clearing import Clearing
from anacostia_daemon.supervisor.cpu import CpuShares
from anacostia_daemon.supervisor.home_lock import HomeHeld, HomeLock
from anacostia_daemon.supervisor.link import Link
from anacostia_daemon.supervisor.loop import Loop
from anacostia_daemon.supervisor.waiters import Waiters
from node_sdk.wire.codec import decode, encode
from node_sdk.wire.link import Beat, NodeMessage, SetPaused


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def everybody(pipeline: str, node: str, incarnation: int) -> bool:
    return True


class Client:
    """Of a command that waits."""

    def __init__(self) -> None:
        self.closed = False
        self.said: list[str] = []

    def progress(self, text: str) -> None:
        self.said.append(text)

    def error(self, code: str, message: str) -> None:
        self.said.append(f"{code}: {message}")
        self.closed = True


def turn_until(loop: Loop, holds: Callable[[], bool]) -> None:
    end = loop.now() + 20
    while not holds():
        assert loop.now() < end, "it did not happen within 20 s"
        loop.turn(1)


def test_a_family_is_cleared_round_by_round_and_then_said_to_be_gone(loop: Loop) -> None:
    mark = Mark("cafe0001", f"test{os.getpid()}", "train", 1)
    script = "import os, signal; [os.fork() for _ in range(3)]; print(flush=True); signal.pause()"
    leader = subprocess.Popen(
        [sys.executable, "-S", "-c", script],
        env={**os.environ, VARIABLE: str(mark).ljust(ROOM)},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert leader.stdout is not None
    for _ in range(8):
        leader.stdout.readline()
    gone: list[bool] = []

    Clearing(loop, mark, Head(leader.pid, start_time(leader.pid)), 0.0, lambda: gone.append(True))
    turn_until(loop, lambda: bool(gone))

    assert leader.wait() == -signal.SIGKILL
    assert leader.stdout.read() == b""  # the end of it: nobody holds its other end any more
    leader.stdout.close()


def test_a_family_is_not_gone_while_somebody_of_it_is_still_dying(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = Mark("cafe0002", f"test{os.getpid()}", "train", 1)
    leader = subprocess.Popen(
        [sys.executable, "-S", "-c", "import signal; print(flush=True); signal.pause()"],
        env={**os.environ, VARIABLE: str(mark).ljust(ROOM)},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert leader.stdout is not None
    leader.stdout.readline()
    # As in an uninterruptible call: SIGKILL was sent, and has no effect yet.
    monkeypatch.setattr(clearing, "kill", lambda members: [hold(each.pid, each.started) for each in members])
    gone: list[bool] = []
    Clearing(loop, mark, Head(leader.pid, start_time(leader.pid)), 0.0, lambda: gone.append(True))
    for _ in range(5):
        loop.turn(0)
    assert gone == []
    leader.kill()
    turn_until(loop, lambda: bool(gone))
    leader.communicate()


def test_a_beat_arrives_and_its_node_can_be_told_to_pause(loop: Loop, short: Path) -> None:
    heard: list[NodeMessage] = []
    link = Link(loop, short / "link.sock", heard.append, everybody)
    context = zmq.Context()
    node = context.socket(zmq.DEALER)
    node.connect(f"ipc://{short}/link.sock")
    beat = Beat("digits", "train", 3, True, "idle")
    node.send(encode(beat))
    turn_until(loop, lambda: bool(heard))

    assert heard == [beat]
    assert link.tell(("digits", "train", 3), SetPaused(True))
    assert not link.tell(("digits", "train", 2), SetPaused(True))
    assert node.poll(5000)
    assert decode(node.recv(), SetPaused) == SetPaused(True)
    context.destroy(linger=0)
    link.close()


def test_who_sends_garbage_is_not_listened_to_again_and_others_are(loop: Loop, short: Path) -> None:
    heard: list[NodeMessage] = []
    link = Link(loop, short / "link.sock", heard.append, everybody)
    context = zmq.Context()
    bad, good = context.socket(zmq.DEALER), context.socket(zmq.DEALER)
    for each in (bad, good):
        each.connect(f"ipc://{short}/link.sock")
    bad.send(b"\xff garbage")
    for _ in range(500):
        bad.send(encode(Beat("digits", "bad", 1, True, "")))
        good.send(encode(Beat("digits", "good", 1, True, "")))
    turn_until(loop, lambda: len(heard) >= 500)

    assert {message.node for message in heard} == {"good"}
    context.destroy(linger=0)
    link.close()


def test_when_too_many_send_garbage_the_one_silent_for_longest_is_forgotten_not_all(
    loop: Loop, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "_MAX_BANNED", 2)
    heard: list[NodeMessage] = []
    link = Link(loop, short / "link.sock", heard.append, everybody)
    context = zmq.Context()
    senders = {name: context.socket(zmq.DEALER) for name in "abc"}
    for each in senders.values():
        each.connect(f"ipc://{short}/link.sock")
    taken: list[list[bytes]] = []
    take = link._take

    def taking(frames: list[bytes]) -> None:
        take(frames)
        taken.append(frames)

    monkeypatch.setattr(link, "_take", taking)

    def says(name: str, message: bytes) -> None:
        before = len(taken)
        senders[name].send(message)
        turn_until(loop, lambda: len(taken) > before)

    for name in "abac":  # so b has been silent for the longest
        says(name, b"\xff garbage")
    for name in "acb":
        says(name, encode(Beat("digits", name, 1, True, "")))

    assert [message.node for message in heard] == ["b"]
    context.destroy(linger=0)
    link.close()


def test_a_beat_of_an_incarnation_that_is_gone_is_heard_but_its_sender_is_not_kept(loop: Loop, short: Path) -> None:
    heard: list[NodeMessage] = []
    link = Link(loop, short / "link.sock", heard.append, lambda pipeline, node, incarnation: incarnation == 2)
    context = zmq.Context()
    node = context.socket(zmq.DEALER)
    node.connect(f"ipc://{short}/link.sock")
    node.send(encode(Beat("digits", "train", 1, True, "")))
    node.send(encode(Beat("digits", "train", 2, True, "")))
    turn_until(loop, lambda: len(heard) == 2)

    assert not link.tell(("digits", "train", 1), SetPaused(True))
    assert link.tell(("digits", "train", 2), SetPaused(True))
    context.destroy(linger=0)
    link.close()


def test_of_a_child_that_nobody_will_ask_for_no_status_is_kept() -> None:
    reaper = Reaper()
    child = os.fork()
    if child == 0:
        os._exit(3)
    reaper.expect(child)
    reaper.forget(child)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)

    assert reaper.status(child) == (None, None)


def test_a_home_is_held_once_and_a_stale_lock_file_is_taken_over(short: Path) -> None:
    home = Home(short)
    home.lock.write_text("999999\n")

    lock = HomeLock(home)
    with pytest.raises(HomeHeld, match=rf"cannot start: a daemon \(pid {os.getpid()}\) already holds {short}") as held:
        HomeLock(home)
    assert f"stop it with `anacostiactl --home {short} shutdown`" in str(held.value)
    lock.release()
    HomeLock(home).release()


def test_a_waiter_is_looked_at_until_it_answers_or_its_client_is_gone() -> None:
    waiters, client, looks = Waiters(), Client(), [0, 0]

    def third_time() -> bool:
        looks[0] += 1
        return looks[0] == 3

    def never() -> bool:
        looks[1] += 1
        return False

    waiters.add(client, third_time)
    gone = Client()
    waiters.add(gone, never)
    waiters.look()
    gone.closed = True
    for _ in range(4):
        waiters.look()

    assert looks == [3, 1]


def test_a_waiter_that_raises_is_told_and_forgotten_and_the_others_wait_on(capfd: pytest.CaptureFixture[str]) -> None:
    waiters, bad, looks = Waiters(), Client(), [0, 0]

    def never(index: int) -> bool:
        looks[index] += 1
        return False

    waiters.add(Client(), lambda: never(0))
    waiters.add(bad, lambda: bool(1 / 0))
    waiters.add(Client(), lambda: never(1))
    for _ in range(3):
        waiters.look()

    assert looks == [3, 3]
    assert bad.said == ["failed: cannot go on with it: ZeroDivisionError: division by zero"]
    assert capfd.readouterr().err.count("Traceback") == 1


def test_who_waits_is_told_once_why_it_takes_so_long() -> None:
    waiters, client = Waiters(), Client()
    waiters.add(client, lambda: False)
    for reason in ("locked", "locked", "full"):
        waiters.tell(reason)

    assert client.said == ["locked", "full"]


def test_cpu_shares_begin_with_the_average_since_the_start() -> None:
    now = [1000.0]
    shares = CpuShares(lambda: now[0])

    assert shares.percent(7, 990.0, 5.0) == 50.0
    now[0] = 1000.1
    assert shares.percent(7, 990.0, 5.1) == 50.0  # too soon for another answer
    now[0] = 1002.0
    assert shares.percent(7, 990.0, 5.5) == 25.0
