"""Whatever is sent to any socket of a live pipeline costs its sender the connection, and nobody else notices: the same
processes go on, the next run ends well, and the memory and the descriptors of who was sent it stay bounded."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgpack
import pytest
import zmq
from place import ROOT, Place, wait_for

from anacostia_daemon.control.messages import ControlRequest
from node_sdk.wire.codec import MAX_MESSAGE, encode
from node_sdk.wire.link import Beat
from node_sdk.wire.loader import Spawn
from node_sdk.wire.signals import Signal
from node_sdk.wire.store import Hello, StoreRequest

MIB = 2**20
HUGE = 100 * MIB
GROWTH = 64  # MiB that the receiver may need for a while
STREAMS = ("control", "loader")
INBOXES = {"store": "metadata_store", "resource": "haiku_data_store", "action": "shakespeare_eval"}
SOCKETS = (*STREAMS, "link", *INBOXES)
PATIENCE = 15.0


@pytest.fixture(scope="module")
def shared() -> Iterator[Place]:
    opened = Place()
    failed = True
    try:
        opened.ctl("start", ROOT / "examples/haiku/pipeline.py", "--", opened.root)
        yield opened
        failed = False
    finally:
        opened.close(failed=failed)


@pytest.fixture
def place(shared: Place) -> Iterator[Place]:
    """A live pipeline that must be as it was, and work, after the test."""
    before = pids(shared)
    yield shared
    assert pids(shared) == before
    run = len(shared.runs("haiku")) + 1
    shared.write(f"haikus/{run}.txt", f"an old silent pond {run}\n")
    shared.run_ended("haiku", run)


def pids(place: Place) -> dict[str, int]:
    found = {name: int(place.node("haiku", node)["pid"]) for name, node in INBOXES.items()}
    daemon = place.daemon_pid()
    return found | {"control": daemon, "link": daemon, "loader": place.loader_pid("haiku")}


def path_of(place: Place, name: str) -> Path:
    if name in INBOXES:
        return place.home.inbox("haiku", INBOXES[name])
    fixed = {"control": place.home.control_socket, "link": place.home.link_socket}
    return fixed.get(name) or place.home.loader_socket("haiku")


def memory(pid: int) -> float:
    """MiB that it has held at most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


@contextlib.contextmanager
def bounded(place: Place, name: str) -> Iterator[None]:
    """Inside, the process behind this socket does not grow by more than it may."""
    pid = pids(place)[name]
    before = memory(pid)
    yield
    place.ctl("status", "haiku")
    grown = memory(pid) - before
    print(f"{name} grew by {grown:.1f} MiB")
    assert grown < GROWTH, f"{name} grew by {grown:.0f} MiB"


# ---- peers


GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
READY = b"\x05READY" + b"\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER"


def connected(place: Place, name: str) -> socket.socket:
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    peer.connect(str(path_of(place, name)))  # without a timeout: then it waits its turn where many come at once
    peer.settimeout(PATIENCE)
    return peer


def begin_frame(peer: socket.socket, name: str, length: int) -> None:
    """Say that a frame of so many bytes follows; to a ZeroMQ socket after all that must come before."""
    if name in STREAMS:
        peer.sendall(struct.pack(">I", length))
        return
    peer.sendall(GREETING + b"\x04" + bytes([len(READY)]) + READY)
    peer.sendall(b"\x02" + struct.pack(">Q", length))


def lost_its_connection(peer: socket.socket) -> bool:
    """Read on until the other side has hung up; False where it does not."""
    try:
        while peer.recv(65536):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    return True


def say(place: Place, name: str, *messages: bytes) -> None:
    """Each on a connection of its own, which is closed when the other side has taken it in, or hung up."""
    if name in STREAMS:
        for each in messages:
            with connected(place, name) as peer:
                with contextlib.suppress(ConnectionError):
                    peer.sendall(struct.pack(">I", len(each)) + each)
                assert lost_its_connection(peer), each[:80]
        return
    with zmq.Context() as context:
        for each in messages:
            with context.socket(zmq.DEALER) as dealer:
                dealer.linger = int(PATIENCE * 1000)
                dealer.connect(f"ipc://{path_of(place, name)}")
                dealer.send(each)
                dealer.send(each)  # what follows garbage is not listened to


# ---- what they do


@pytest.mark.parametrize("name", SOCKETS)
def test_random_bytes(place: Place, name: str) -> None:
    dice = random.Random(name)
    with bounded(place, name):
        for size in (1, 5, 64, 4096, 65536):
            with connected(place, name) as peer:
                with contextlib.suppress(ConnectionError):
                    peer.sendall(dice.randbytes(size))
                    peer.shutdown(socket.SHUT_WR)
                assert lost_its_connection(peer)
        say(place, name, *(dice.randbytes(size) for size in (1, 20, 4096)))


def wrong_shapes(name: str) -> list[bytes]:
    """Messages that are none, and real ones that are for somebody else."""
    real = {
        "control": ControlRequest("status", {}),
        "loader": Spawn(node="shakespeare_eval", incarnation=99),
        "link": Beat("haiku", "shakespeare_eval", 99, True, "idle"),
        "store": StoreRequest(1, "shakespeare_eval", 99, Hello()),
        "action": Signal(1, 1, "haiku_data_store"),
    }
    others = [encode(each) for kind, each in real.items() if kind != name and (kind, name) != ("action", "resource")]
    plain = [17, None, [], {}, {"@": None}, {"@": ["Beat"]}, {"@": "Message"}, {"@": "ControlRequest", "command": 1}]
    plain += [
        {"@": "StoreRequest", "seq": 2**64 - 1},
        {"@": "Signal", "seq": 1.5, "run_id": "x", "source": 0},
        [[]] * 9,
    ]
    return [*(msgpack.packb(each) for each in plain), *others]


@pytest.mark.parametrize("name", SOCKETS)
def test_messages_of_the_wrong_shape(place: Place, name: str) -> None:
    with bounded(place, name):
        say(place, name, *wrong_shapes(name))


@pytest.mark.parametrize("name", SOCKETS)
def test_a_frame_that_claims_a_hundred_mebibytes(place: Place, name: str) -> None:
    with bounded(place, name), connected(place, name) as peer:
        begin_frame(peer, name, HUGE)
        assert lost_its_connection(peer)


@pytest.mark.parametrize("name", SOCKETS)
def test_a_frame_that_is_a_hundred_mebibytes(place: Place, name: str) -> None:
    with bounded(place, name), connected(place, name) as peer:
        with contextlib.suppress(ConnectionError):
            begin_frame(peer, name, HUGE)
            for _ in range(HUGE // MIB):
                peer.sendall(bytes(MIB))
        assert lost_its_connection(peer)


@pytest.mark.parametrize("name", SOCKETS)
def test_a_message_as_large_as_one_may_be_that_unfolds_in_memory(place: Place, name: str) -> None:
    """Sixteen million empty lists would be a thousand mebibytes."""
    rows = b"\xdc\xff\xff" + b"\x90" * 65535
    with bounded(place, name):
        say(place, name, b"\xdc\x00\xff" + rows * (MAX_MESSAGE // len(rows)))


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def half_of_a_frame(peer: socket.socket, name: str) -> None:
    with contextlib.suppress(ConnectionError):
        begin_frame(peer, name, 1000)
        peer.sendall(b"half")


def half_of_a_greeting(peer: socket.socket, name: str) -> None:
    with contextlib.suppress(ConnectionError):
        peer.sendall(b"\x00\x00" if name in STREAMS else GREETING[:20])


@pytest.mark.parametrize("half", [half_of_a_frame, half_of_a_greeting])
@pytest.mark.parametrize("name", SOCKETS)
def test_two_hundred_that_fall_silent_in_the_middle(
    place: Place, name: str, half: Callable[[socket.socket, str], None]
) -> None:
    pid = pids(place)[name]
    before = descriptors(pid)
    with bounded(place, name), contextlib.ExitStack() as stack:
        for _ in range(200):
            half(stack.enter_context(connected(place, name)), name)
        wait_for(lambda: place.ask("status"), "others are served meanwhile")
        run = len(place.runs("haiku")) + 1
        place.write(f"haikus/{run}.txt", f"an old silent pond {run}\n")
        place.run_ended("haiku", run)
        assert descriptors(pid) <= before + 220
    wait_for(lambda: descriptors(pid) <= before + 5, "its descriptors are given back")


def test_a_client_of_the_daemon_that_never_reads_its_answers(place: Place) -> None:
    request = encode(ControlRequest("status", {}))
    with bounded(place, "control"), connected(place, "control") as peer:
        peer.setblocking(False)
        until = time.monotonic() + 1
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < until:
                with contextlib.suppress(BlockingIOError):
                    peer.sendall(struct.pack(">I", len(request)) + request)
        assert place.ask("status")


@pytest.mark.parametrize("name", ["store", "action", "resource"])
def test_a_peer_of_a_node_that_never_reads_its_answers(place: Place, name: str) -> None:
    message = encode(StoreRequest(1, "@operator", 0, Hello()) if name == "store" else Signal(1, 1, "haiku_data_store"))
    with bounded(place, name), zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.linger, dealer.rcvhwm = 0, 1
        dealer.connect(f"ipc://{path_of(place, name)}")
        for _ in range(30_000):
            dealer.send(message)
        run = len(place.runs("haiku")) + 1
        place.write(f"haikus/{run}.txt", f"an old silent pond {run}\n")
        place.run_ended("haiku", run)
