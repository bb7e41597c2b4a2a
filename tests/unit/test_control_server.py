"""The control socket from both of its ends: real sockets, the real loop, clients good and bad."""

from __future__ import annotations

import os
import socket
import stat
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from answering_daemon import AnsweringDaemon, left_behind, short_home

from anacostia_daemon.control import connection, server
from anacostia_daemon.control.client import (
    Client,
    ControlRefused,
    DaemonBusy,
    DaemonDenied,
)
from anacostia_daemon.control.messages import MAX_REQUEST, ControlError, ControlRequest, ControlResult, ToClient
from anacostia_daemon.control.server import CannotListen, ControlServer, Conversation
from anacostia_daemon.paths import Home
from anacostia_daemon.supervisor.loop import Loop
from node_sdk import osprocess
from node_sdk.wire.codec import decode, encode
from node_sdk.wire.frames import FrameReader, frame


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
def client(daemon: AnsweringDaemon) -> Iterator[Client]:
    with Client(daemon.home) as connected:
        yield connected


def connected(home: Home) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(10)
    sock.connect(str(home.control_socket))
    return sock


def frames_until_end(sock: socket.socket) -> list[ToClient]:
    reader, found = FrameReader(), []
    while True:
        try:
            data = sock.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            return found
        found += [decode(each, ToClient) for each in reader.feed(data)]


# ---- conversations


def test_a_request_gets_its_result(daemon: AnsweringDaemon, client: Client) -> None:
    daemon.answers["status"] = {"pipelines": [], "é": [1, 2.5, None, True]}
    assert client.request("status", {"pipeline": "digits"}) == {"pipelines": [], "é": [1, 2.5, None, True]}
    assert daemon.asked == [("status", {"pipeline": "digits"})]


def test_progress_arrives_before_the_result_and_in_order(daemon: AnsweringDaemon, client: Client) -> None:
    def start(args: dict[str, Any], conversation: Conversation) -> None:
        conversation.progress("loading")
        conversation.progress("starting")
        conversation.result("started")

    daemon.answers["start"] = start
    heard: list[str] = []
    assert client.request("start", on_progress=heard.append) == "started"
    assert heard == ["loading", "starting"]


def test_a_refusal_carries_its_code_its_words_and_its_hint(daemon: AnsweringDaemon, client: Client) -> None:
    daemon.answers["stop"] = lambda args, conversation: conversation.error("unknown", "cannot stop it", "look first")
    with pytest.raises(ControlRefused, match="cannot stop it") as refused:
        client.request("stop")
    assert (refused.value.code, refused.value.hint) == ("unknown", "look first")


def test_one_connection_carries_several_requests(daemon: AnsweringDaemon, client: Client) -> None:
    daemon.answers["version"] = 1
    daemon.answers["stop"] = lambda args, conversation: conversation.error("failed", "cannot")
    assert client.request("version") == 1
    with pytest.raises(ControlRefused):
        client.request("stop")
    assert client.request("version") == 1


def test_requests_sent_ahead_are_answered_in_order_one_at_a_time(daemon: AnsweringDaemon, home: Home) -> None:
    waiting: list[Conversation] = []
    daemon.answers["slow"] = lambda args, conversation: waiting.append(conversation)

    def quick(args: dict[str, Any], conversation: Conversation) -> None:
        conversation.result(args["n"])

    daemon.answers["quick"] = quick
    daemon.answers["release"] = lambda args, conversation: (waiting.pop().result("slow"), conversation.result(None))
    with connected(home) as sock, Client(home) as other:
        ahead = [ControlRequest("slow", {}), ControlRequest("quick", {"n": 1}), ControlRequest("quick", {"n": 2})]
        sock.sendall(b"".join(frame(encode(each)) for each in ahead))
        daemon.answers["seen"] = lambda args, conversation: conversation.result(len(waiting))
        while other.request("seen") == 0:
            pass
        assert [command for command, _ in daemon.asked if command != "seen"] == ["slow"]
        other.request("release")
        reader, found = FrameReader(), []
        while len(found) < 3:
            found += [decode(each, ControlResult).value for each in reader.feed(sock.recv(65536))]
    assert found == ["slow", 1, 2]


def test_a_command_that_raises_is_answered_and_the_server_goes_on(
    daemon: AnsweringDaemon, client: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(args: dict[str, Any], conversation: Conversation) -> None:
        raise KeyError("oops")

    daemon.answers |= {"broken": broken, "version": 1}
    with pytest.raises(ControlRefused, match="cannot do 'broken': KeyError: 'oops'"):
        client.request("broken")
    assert client.request("version") == 1
    assert "oops" in capfd.readouterr().err  # in the daemon's log with its traceback


def test_what_cannot_be_sent_is_an_error_not_a_silence(daemon: AnsweringDaemon, client: Client) -> None:
    daemon.answers["status"] = object()
    with pytest.raises(ControlRefused, match="cannot send the answer"):
        client.request("status")


def test_a_conversation_learns_that_its_client_left(daemon: AnsweringDaemon, home: Home) -> None:
    held: list[Conversation] = []
    arrived = threading.Event()

    def wait(args: dict[str, Any], conversation: Conversation) -> None:
        held.append(conversation)
        arrived.set()

    daemon.answers["wait"] = wait
    daemon.answers["gone"] = lambda args, conversation: conversation.result(held[0].closed)
    sock = connected(home)
    sock.sendall(frame(encode(ControlRequest("wait", {}))))
    assert arrived.wait(10)
    with Client(home) as other:
        assert other.request("gone") is False
        sock.close()
        while not other.request("gone"):
            pass
    held[0].progress("to nobody")
    held[0].result("to nobody")


# ---- clients that do not behave


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack(">I", MAX_REQUEST + 1) + b"x" * 100,
        frame(b"\xc1"),
        frame(encode(ControlResult(1))),
        frame(b"\x81\xa1@\xaeControlRequest"),
    ],
    ids=["http", "oversized", "no msgpack", "wrong direction", "fields missing"],
)
def test_garbage_costs_its_sender_the_connection_and_nobody_else(
    daemon: AnsweringDaemon, client: Client, home: Home, garbage: bytes
) -> None:
    daemon.answers["version"] = 1
    assert client.request("version") == 1
    with connected(home) as sock:
        sock.sendall(garbage)
        answers = frames_until_end(sock)
    assert all(isinstance(each, ControlError) and each.code == "invalid" for each in answers)
    assert client.request("version") == 1


def test_a_client_that_sends_too_far_ahead_is_dropped(daemon: AnsweringDaemon, client: Client, home: Home) -> None:
    daemon.answers |= {"never": lambda args, conversation: None, "version": 1}
    with connected(home) as sock:
        sock.sendall(frame(encode(ControlRequest("never", {}))) * (connection.MAX_WAITING + 5))
        [answer] = frames_until_end(sock)
    assert isinstance(answer, ControlError)
    assert client.request("version") == 1


def test_a_client_that_never_reads_is_dropped_once_too_much_waits_for_it(
    daemon: AnsweringDaemon, client: Client, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MAX_UNSENT", 1_000_000)
    held: list[Conversation] = []
    daemon.answers["talk"] = lambda args, conversation: held.append(conversation)

    def fill(args: dict[str, Any], conversation: Conversation) -> None:
        if held:
            held[0].progress("x" * 100_000)
        conversation.result(bool(held) and held[0].closed)

    daemon.answers["fill"] = fill
    with connected(home) as sock:
        sock.sendall(frame(encode(ControlRequest("talk", {}))))
        filled = [client.request("fill") for _ in range(50)]
    assert held[0].closed
    assert any(filled)


def test_a_client_that_reads_nothing_for_too_long_is_dropped(home: Home) -> None:
    moment = [0.0]
    loop = Loop(clock=lambda: moment[0])
    conversations: list[Conversation] = []

    def big(request: ControlRequest, conversation: Conversation) -> None:
        conversations.append(conversation)
        conversation.progress("x" * 8_000_000)

    listening = ControlServer(loop, home.control_socket, big)
    with connected(home) as sock:
        sock.sendall(frame(encode(ControlRequest("talk", {}))))
        while not conversations:
            loop.turn(1)
        loop.turn(0)
        assert not conversations[0].closed
        moment[0] += connection.PATIENCE + 1
        loop.turn(0)
        assert conversations[0].closed
    listening.close()
    loop.close()


def test_a_slow_reader_gets_a_large_answer_whole(daemon: AnsweringDaemon, client: Client) -> None:
    daemon.answers["runs"] = ["x" * 1000] * 5000
    assert client.request("runs", timeout=20) == ["x" * 1000] * 5000


def test_no_more_clients_than_there_is_room_for(
    daemon: AnsweringDaemon, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 1)
    begun = threading.Event()
    daemon.answers |= {"version": 1, "never": lambda args, conversation: begun.set()}
    with connected(home) as first, Client(home) as second:
        first.sendall(frame(encode(ControlRequest("never", {}))))
        assert begun.wait(10)
        with pytest.raises(DaemonBusy, match="1 clients wait for answers"):
            second.request("version")


def test_who_asks_nothing_makes_room_for_who_does(
    daemon: AnsweringDaemon, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 2)
    daemon.answers["version"] = 1
    with Client(home) as old, connected(home) as half, Client(home) as new:
        half.sendall(b"\x00\x00\x00\x40half")
        assert old.request("version") == 1  # so that it is the other one that has asked nothing for longer
        assert new.request("version") == 1
        assert half.recv(1) == b""
        assert old.request("version") == 1


def test_another_user_is_turned_away_and_told_why(
    daemon: AnsweringDaemon, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "peer_uid", lambda sock: 4711)
    monkeypatch.setattr(server, "allowed", lambda uid: uid != 4711)
    with pytest.raises(DaemonDenied, match="you are user 4711"):
        client.request("version")
    assert daemon.asked == []


def test_the_kernel_says_who_the_peer_is() -> None:
    ours, other = socket.socketpair()
    with ours, other:
        assert osprocess.peer_uid(ours) == os.getuid()
    assert osprocess.allowed(os.geteuid())
    assert osprocess.allowed(0)
    assert not osprocess.allowed(os.geteuid() + 4711)


def test_the_credentials_of_macos_are_understood() -> None:
    answer = struct.pack("=IIhxx16I", 0, 501, 1, 20, *[0] * 15)
    assert osprocess.parse_xucred(answer) == 501
    with pytest.raises(OSError, match="version 9"):
        osprocess.parse_xucred(struct.pack("=I", 9) + answer[4:])
    with pytest.raises(OSError, match="too short"):
        osprocess.parse_xucred(answer[:10])


# ---- the socket's file


def test_the_socket_is_for_its_owner_alone(daemon: AnsweringDaemon, home: Home) -> None:
    assert stat.S_IMODE(home.control_socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.control_socket.parent.stat().st_mode) == 0o700


@pytest.fixture
def path(home: Home) -> Path:
    home.control_socket.parent.mkdir(parents=True)
    return home.control_socket


def test_a_socket_that_was_left_behind_is_replaced(home: Home, path: Path) -> None:
    left_behind(path)
    running = AnsweringDaemon(home)
    running.answers["version"] = 1
    with Client(home) as client:
        assert client.request("version") == 1
    running.stop()
    assert not path.exists()


def test_a_socket_that_somebody_answers_at_is_left_alone(daemon: AnsweringDaemon, client: Client, home: Home) -> None:
    daemon.answers["version"] = 1
    with pytest.raises(CannotListen, match="another daemon answers there"):
        ControlServer(Loop(), home.control_socket, lambda request, conversation: None)
    assert client.request("version") == 1


def test_a_file_that_is_no_socket_is_left_alone(path: Path) -> None:
    path.write_text("mine")
    with pytest.raises(CannotListen, match="a file that is no socket"):
        server.listen(path)
    assert path.read_text() == "mine"


def test_a_path_too_long_for_a_socket_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(CannotListen, match=r"cannot listen at .*set XDG_RUNTIME_DIR"):
        server.listen(tmp_path / ("x" * 120) / "control.sock")


def test_closing_takes_away_only_its_own_file(home: Home, path: Path) -> None:
    loop = Loop()
    first = ControlServer(loop, path, lambda request, conversation: None)
    path.unlink()
    left_behind(path)
    first.close()
    assert path.exists()
    loop.close()
