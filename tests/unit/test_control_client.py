"""What the client says when there is no answer: each cause in its own words."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from answering_daemon import AnsweringDaemon, left_behind, short_home

from anacostia_daemon.control import client as control_client
from anacostia_daemon.control.client import (
    Client,
    ControlFailure,
    DaemonBusy,
    DaemonDenied,
    DaemonLost,
    DaemonNotRunning,
)
from anacostia_daemon.control.messages import ControlResult
from anacostia_daemon.paths import Home
from node_sdk.wire.codec import encode
from node_sdk.wire.frames import frame


@pytest.fixture
def home() -> Iterator[Home]:
    with short_home() as made:
        yield made


@pytest.fixture
def daemon(home: Home) -> Iterator[AnsweringDaemon]:
    running = AnsweringDaemon(home)
    yield running
    running.stop()


@pytest.fixture
def path(home: Home) -> Path:
    home.control_socket.parent.mkdir(parents=True)
    return home.control_socket


def test_no_daemon(home: Home) -> None:
    with pytest.raises(DaemonNotRunning) as error:
        Client(home).request("status")
    assert str(error.value) == (
        f"cannot reach the daemon of {home.path}: it is not running; "
        "start it with `anacostiactl start FILE` or `anacostiad`"
    )


def test_a_stale_socket(home: Home, path: Path) -> None:
    left_behind(path)
    with pytest.raises(DaemonNotRunning, match="has left its socket behind"):
        Client(home).request("status")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue refuses")
def test_a_client_waits_its_turn_where_many_come_at_once(home: Home, path: Path) -> None:
    answers: list[str] = []

    def ask() -> None:
        with Client(home) as asking:
            answers.append(asking.request("status"))

    client = threading.Thread(target=ask, daemon=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(0)
        with fill(path):
            client.start()
            client.join(0.1)
            assert client.is_alive(), "it waits"
            listener.accept()[0].close()
            with listener.accept()[0] as sock:
                sock.sendall(frame(encode(ControlResult("served"))))
                client.join(10)
    assert answers == ["served"]


def fill(path: Path) -> socket.socket:
    """Takes the one place in the queue of a listener."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(str(path))
    return sock


def test_no_permission(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(sock: socket.socket, address: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", refused)  # root, who runs this test in places, is never refused
    with pytest.raises(DaemonDenied, match="is another user's"):
        Client(home).request("status")


def test_a_daemon_that_does_not_answer(daemon: AnsweringDaemon, home: Home) -> None:
    daemon.answers |= {"status": lambda args, conversation: None, "version": 1}
    with Client(home) as client:
        with pytest.raises(DaemonBusy, match=r"it said nothing for 0.05 s; .*daemon.log"):
            client.request("status", timeout=0.05)
        assert client.request("version", timeout=10) == 1  # on a new connection, not the late answer of the old one


def test_a_daemon_that_accepts_nobody(home: Home, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_client, "CONNECT_TIMEOUT", 0.05)
    with socket.socket(socket.AF_UNIX) as stuck, socket.socket(socket.AF_UNIX) as queued:
        stuck.bind(str(path))
        stuck.listen(0)
        queued.connect(str(path))
        with pytest.raises(DaemonBusy, match="busy or stopped"):
            Client(home).request("status", timeout=0.05)


def answering(path: Path, answer: Callable[[socket.socket], None]) -> threading.Thread:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)

    def run() -> None:
        with listener:
            sock, _ = listener.accept()
            with sock:
                sock.recv(65536)
                answer(sock)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_a_daemon_that_dies_before_it_answers(home: Home, path: Path) -> None:
    thread = answering(path, lambda sock: None)
    with pytest.raises(DaemonLost, match=r"it ended the connection; look into .*daemon\.log"):
        Client(home).request("status")
    thread.join()


def test_somebody_who_is_no_daemon(home: Home, path: Path) -> None:
    thread = answering(path, lambda sock: sock.sendall(frame(b"hello")))
    with pytest.raises(ControlFailure, match="cannot understand the daemon"):
        Client(home).request("status")
    thread.join()
