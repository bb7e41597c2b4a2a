"""What a process is to others: its mark, its start time, its inbox, its heartbeat."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import zmq

from node_sdk.names import MAX_SOCKET_PATH
from node_sdk.runtime import inbox as inbox_module
from node_sdk.runtime.inbox import CannotBind, Inbox
from node_sdk.runtime.lines import DaemonLine
from node_sdk.runtime.link import Link
from node_sdk.wire.codec import decode, encode
from node_sdk.wire.link import Beat, LastWords, NodeMessage, SetPaused
from node_sdk.wire.signals import Signal, SignalTaken


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="ana") as made:
        yield Path(made)


class Daemon:
    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], folder: Path) -> None:
        self.endpoint = f"ipc://{folder}/link.sock"
        self.router = context.socket(zmq.ROUTER)
        self.router.bind(self.endpoint)

    def link(self, heartbeat_timeout: float, **more: object) -> Link:
        made = Link(
            DaemonLine(self.endpoint),
            pipeline="tiny",
            node="train",
            incarnation=2,
            heartbeat_timeout=heartbeat_timeout,
            **more,  # type: ignore[arg-type]
        )
        made.start()
        return made

    def hear(self, seconds: float = 5) -> tuple[bytes, NodeMessage] | None:
        if not self.router.poll(int(seconds * 1000)):
            return None
        identity, data = self.router.recv_multipart()
        return identity, decode(data, NodeMessage)


class Sockets:
    """Makes sockets and holds them until the test is over."""

    def __init__(self, folder: Path) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.path = folder / "inbox.sock"
        self.inboxes: list[Inbox] = []
        self.dealers: list[zmq.Socket[bytes]] = []

    def inbox(self) -> Inbox:
        self.inboxes.append(Inbox(self.context, self.path))
        return self.inboxes[-1]

    def dealer(self) -> zmq.Socket[bytes]:
        self.dealers.append(self.context.socket(zmq.DEALER))
        self.dealers[-1].connect(f"ipc://{self.path}")
        return self.dealers[-1]

    def close(self) -> None:
        for inbox in self.inboxes:
            inbox.close()
        self.context.destroy(linger=0)


@pytest.fixture
def sockets(folder: Path) -> Iterator[Sockets]:
    made = Sockets(folder)
    yield made
    made.close()


@pytest.fixture
def daemon(sockets: Sockets, folder: Path) -> Daemon:
    return Daemon(sockets.context, folder)


def environment_of(pid: int) -> dict[str, str]:
    """The kernel shows none for a moment within exec()."""
    deadline = time.monotonic() + 10
    while not (found := psutil.Process(pid).environ()):
        assert time.monotonic() < deadline, f"process {pid} has no environment"
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_mark_of_a_forked_process_is_seen_from_outside_and_on_what_it_starts() -> None:
    code = (
        "import os, subprocess, sys\n"
        "from node_sdk.runtime.mark import write_mark\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    write_mark('home/tiny/train/3')\n"
        "    grandchild = subprocess.Popen(['cat'], stdin=subprocess.PIPE)\n"
        "    print(os.getpid(), grandchild.pid, flush=True)\n"
        "    sys.stdin.read()\n"
        "    grandchild.kill(); grandchild.wait(); os._exit(0)\n"
        "os.waitpid(pid, 0)\n"
    )
    environment = {**os.environ, "ANACOSTIA_MARK": " " * 255, "AFTER": "untouched"}
    with subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        child, grandchild = map(int, process.stdout.readline().split())
        seen = {pid: environment_of(pid) for pid in (process.pid, child, grandchild)}
        process.communicate()
    assert seen[process.pid]["ANACOSTIA_MARK"].strip() == ""
    assert seen[child]["ANACOSTIA_MARK"].strip() == "home/tiny/train/3"
    assert seen[grandchild]["ANACOSTIA_MARK"].strip() == "home/tiny/train/3"
    assert seen[child]["AFTER"] == "untouched"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_what_a_process_without_room_for_its_mark_starts_shows_it() -> None:
    code = (
        "import subprocess\n"
        "from node_sdk.runtime.mark import write_mark\n"
        "write_mark('home/tiny/train/3')\n"
        "print(subprocess.run(['env'], stdout=subprocess.PIPE, text=True).stdout)\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "ANACOSTIA_MARK"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert "ANACOSTIA_MARK=home/tiny/train/3" in done.stdout.splitlines()


def test_a_sender_of_garbage_is_not_listened_to_again_and_others_are(sockets: Sockets, folder: Path) -> None:
    inbox = sockets.inbox()
    rogue, honest = sockets.dealer(), sockets.dealer()
    rogue.send(b"\xc1 garbage")
    assert inbox.socket.poll(5000)
    assert list(inbox.receive(Signal)) == []
    rogue.send(encode(Signal(1, 1, "rogue")))
    honest.send(encode(Signal(2, 7, "honest")))
    heard: list[Signal] = []
    while not heard and inbox.socket.poll(5000):
        for sender, signal in inbox.receive(Signal):
            heard.append(signal)
            inbox.reply(sender, SignalTaken(signal.seq))
    assert heard == [Signal(2, 7, "honest")]
    assert decode(honest.recv(), SignalTaken) == SignalTaken(2)


def test_of_very_many_senders_of_garbage_the_oldest_are_forgotten(
    sockets: Sockets, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_module, "MOST_IGNORED", 2)
    inbox = sockets.inbox()
    for _ in range(4):
        sockets.dealer().send(b"\xc1 garbage")
        assert inbox.socket.poll(5000)
        assert list(inbox.receive(Signal)) == []
    assert len(inbox._ignored) == 2


def test_a_message_over_the_limit_costs_its_sender_the_connection(
    sockets: Sockets, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_module, "MAX_MESSAGE", 1000)
    inbox = sockets.inbox()
    rogue, honest = sockets.dealer(), sockets.dealer()
    ended = rogue.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    rogue.send(b"x" * 1001)
    assert ended.poll(5000)
    rogue.disable_monitor()
    ended.close(linger=0)
    honest.send(encode(Signal(2, 7, "honest")))
    assert inbox.socket.poll(5000)
    assert [signal for _, signal in inbox.receive(Signal)] == [Signal(2, 7, "honest")]


def test_a_message_of_another_kind_is_garbage(sockets: Sockets, folder: Path) -> None:
    inbox = sockets.inbox()
    sender = sockets.dealer()
    sender.send(encode(SetPaused(True)))
    assert inbox.socket.poll(5000)
    assert list(inbox.receive(Signal)) == []


def test_a_path_that_is_too_long_for_a_socket_is_said(sockets: Sockets, folder: Path) -> None:
    with pytest.raises(CannotBind, match=rf"its path has \d+ bytes, at most {MAX_SOCKET_PATH} are possible"):
        Inbox(sockets.context, folder / ("x" * 120))


def test_a_socket_in_a_folder_that_is_a_file_is_said(sockets: Sockets, folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(CannotBind, match=r"cannot make the socket .*file/inbox\.sock"):
        Inbox(sockets.context, folder / "file" / "inbox.sock")


def test_a_stale_socket_is_taken_over(sockets: Sockets, folder: Path) -> None:
    pid = os.fork()
    if pid == 0:
        held = Inbox(zmq.Context(), sockets.path)
        assert held.path.exists()
        os._exit(0)
    os.waitpid(pid, 0)
    assert sockets.path.exists()
    assert sockets.inbox().path == sockets.path


def test_a_node_beats_by_itself_and_says_at_once_that_it_is_ready(daemon: Daemon) -> None:
    link = daemon.link(3000)
    starting, ready = (
        Beat("tiny", "train", 2, ready, work, paused=False) for ready, work in ((False, "starting"), (True, "idle"))
    )
    first = daemon.hear()
    assert first is not None
    assert first[1] == starting
    link.work("idle")
    link.ready()
    while (heard := daemon.hear()) is not None and heard[1] != ready:
        assert heard[1] in (starting, replace(starting, work="idle"))  # said again when the daemon is first reached
    link.close()
    assert heard is not None, "it never said that it is ready"


def test_work_that_lasts_is_said_long_before_the_next_beat(daemon: Daemon) -> None:
    link = daemon.link(3000)
    assert daemon.hear() is not None
    link.work("executing run 1, attempt 1")
    while (heard := daemon.hear()) is not None and "executing" not in heard[1].work:
        pass
    link.close()
    assert heard is not None, "the next beat is many seconds away, and nothing was said before"


def test_a_node_that_is_stuck_falls_silent_and_one_that_works_long_does_not(daemon: Daemon) -> None:
    link = daemon.link(0.06)
    with link.unhurried():
        began = time.monotonic()
        while time.monotonic() < began + 0.2:
            assert daemon.hear() is not None
    while daemon.hear(0.2) is not None:  # silence comes only because nothing says that the main thread is alive
        pass
    while daemon.hear(0.001) is None:
        link.alive()
    link.close()


def test_pause_and_resume_wake_the_main_thread(daemon: Daemon) -> None:
    reader, writer = os.pipe()
    link = daemon.link(30, changed=lambda: os.write(writer, b"x"))
    heard = daemon.hear()
    assert heard is not None
    for paused in (True, False):
        daemon.router.send_multipart((heard[0], encode(SetPaused(paused))))
        os.read(reader, 1)
        assert link.paused is paused
        _beat(daemon, lambda beat, paused=paused: beat.paused is paused)  # type: ignore[misc]
    link.close()
    os.close(reader)
    os.close(writer)


def _beat(daemon: Daemon, which: Callable[[Beat], bool]) -> Beat:
    """The next of this kind."""
    while (heard := daemon.hear()) is not None:
        if isinstance(heard[1], Beat) and which(heard[1]):
            return heard[1]
    raise AssertionError("no such beat")


def test_a_pause_that_has_to_be_heeded_is_said_once_it_is(daemon: Daemon) -> None:
    link = daemon.link(30, heeds=True, changed=lambda: link.runs(1, 0, 1))
    heard = daemon.hear()
    assert heard is not None
    daemon.router.send_multipart((heard[0], encode(SetPaused(True))))
    assert _beat(daemon, lambda beat: beat.ended_runs == 1).paused is False, "it was said before it was heeded"
    link.heed(True)
    _beat(daemon, lambda beat: beat.paused is True)
    link.close()


def test_last_words_leave_before_the_process_ends(daemon: Daemon) -> None:
    words = LastWords("tiny", "train", 2, "setup", "setup() of node 'train' raised ValueError: no data")
    pid = os.fork()
    if pid == 0:
        daemon.link(30).last_words(words)
        os._exit(0)
    os.waitpid(pid, 0)
    heard = []
    while (message := daemon.hear(0.1)) is not None:
        heard.append(message[1])
    assert heard[-1] == words


def test_without_a_daemon_last_words_do_not_keep_the_process(folder: Path) -> None:
    link = Link(DaemonLine(f"ipc://{folder}/nobody.sock"), pipeline="p", node="n", incarnation=1, heartbeat_timeout=30)
    link.start()
    began = time.monotonic()
    link.last_words(LastWords("p", "n", 1, "error", "why"))
    assert time.monotonic() - began < 3
