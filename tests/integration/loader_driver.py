"""A daemon made of nothing but sockets: starts a real loader on a real file, and waits on what it and its nodes say."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import zmq

from node_sdk.runtime.channel import Channel
from node_sdk.runtime.interrupt import Interrupt
from node_sdk.runtime.launch import MARK_VARIABLE
from node_sdk.runtime.store_client import StoreClient
from node_sdk.wire.codec import decode, encode
from node_sdk.wire.frames import FrameReader, frame
from node_sdk.wire.link import Beat, LastWords, NodeMessage, SetPaused
from node_sdk.wire.loader import (
    Attend,
    Exited,
    Forget,
    FromLoader,
    Load,
    Loaded,
    LoadFailed,
    Quit,
    Spawn,
    Spawned,
    ToLoader,
)
from node_sdk.wire.store import OPERATOR

T = TypeVar("T")
PATIENCE = 30.0  # seconds; only a failing test waits so long


@contextlib.contextmanager
def asking(inbox: Path) -> Iterator[StoreClient]:
    """Somebody who asks the store that listens at `inbox`, by hand."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    channel = Channel(context, f"ipc://{inbox}")
    interrupt = Interrupt()
    try:
        yield StoreClient(channel, OPERATOR, 0, interrupt)
    finally:
        channel.close()
        interrupt.close()
        context.term()


class Driver:
    """Owns the sockets of a daemon; `load` starts the loader. Use as a context manager: it leaves no process behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sockets = Path(tempfile.mkdtemp(dir="/tmp", prefix="ana"))
        self.data = folder / "data"
        self.cwd = str(folder)
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.router.linger = 0
        self.router.bind(f"ipc://{self.sockets}/link.sock")
        self.process: subprocess.Popen[bytes] | None = None
        self.connection: socket.socket | None = None
        self.said: list[FromLoader] = []
        self.heard: list[NodeMessage] = []
        self.identities: dict[str, bytes] = {}
        self.incarnations: dict[str, int] = {}
        self.wanted: Load | None = None
        self._reader = FrameReader()

    def __enter__(self) -> Driver:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self._pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        if self.connection is not None:
            self.connection.close()
        self.router.close()
        self.context.term()
        shutil.rmtree(self.sockets, ignore_errors=True)

    def sockets_of(self, other: Driver) -> None:
        """Use the sockets of `other`, as a daemon of the same home would."""
        shutil.rmtree(self.sockets)
        self.sockets = other.sockets

    # ---- the loader

    def load(self, file: Path, **more: Any) -> FromLoader:
        """Start a loader on `file`; its first frame."""
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "node_sdk.runtime.loader", "--daemon-fd", str(theirs.fileno())]
        environment = {**os.environ, MARK_VARIABLE: " " * 255}
        self.process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env=environment, start_new_session=True, cwd=self.folder
        )
        theirs.close()
        self._connected(ours)
        self.wanted = Load(file=str(file), cwd=self.cwd, socket_dir=str(self.sockets), data_dir=str(self.data), **more)
        self.tell(self.wanted)
        return self.wait(lambda: self.first(Loaded, LoadFailed))

    def reconnect(self, pipeline: str) -> Loaded:
        """Be a new daemon, which finds the loader at its socket."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(str(self.sockets / pipeline / "loader.sock"))
        connection.sendall(frame(encode(Attend())))
        self.said.clear()
        if self.connection is not None:
            self.hang_up()
        self._connected(connection)
        return self.wait(lambda: self.first(Loaded))

    def hang_up(self) -> None:
        """Be a daemon that dies."""
        assert self.connection is not None
        self.connection.close()
        self.connection = None

    def tell(self, message: ToLoader) -> None:
        assert self.connection is not None
        self.connection.setblocking(True)
        self.connection.sendall(frame(encode(message)))
        self.connection.setblocking(False)

    # ---- nodes

    def spawn(self, node: str, **more: Any) -> int:
        """Start the next incarnation of `node`; its number."""
        number = self.incarnations.get(node, 0) + 1
        self.incarnations[node] = number
        self.tell(Spawn(node=node, incarnation=number, **more))
        return number

    def start(self, *nodes: str, **more: Any) -> None:
        """Start nodes, one after the other as each is ready."""
        for node in nodes:
            number = self.spawn(node, **more)
            self.wait(lambda node=node, number=number: self.is_ready(node, number), f"{node} ready")

    def pid(self, node: str) -> int:
        """Of the node's newest incarnation."""
        number = self.incarnations[node]
        found = self.wait(lambda: self.first(Spawned, node=node, incarnation=number))
        return found.pid

    def kill(self, node: str) -> None:
        """SIGKILL, and wait until the loader says so."""
        os.kill(self.pid(node), signal.SIGKILL)
        assert self.exited(node).signal == signal.SIGKILL

    def stop(self, node: str) -> Exited:
        os.kill(self.pid(node), signal.SIGTERM)
        return self.exited(node)

    def exited(self, node: str) -> Exited:
        number = self.incarnations[node]
        ended = self.wait(lambda: self.first(Exited, node=node, incarnation=number), f"{node} ended")
        self.tell(Forget(node, number))
        return ended

    def is_ready(self, node: str, number: int | None = None) -> bool:
        wanted = self.incarnations[node] if number is None else number
        return any(
            isinstance(each, Beat) and each.ready and (each.node, each.incarnation) == (node, wanted)
            for each in self.heard
        )

    def last_words(self, node: str) -> LastWords:
        number = self.incarnations[node]

        def spoken() -> LastWords | None:
            for each in self.heard:
                if isinstance(each, LastWords) and (each.node, each.incarnation) == (node, number):
                    return each
            return None

        return self.wait(spoken, f"last words of {node}")

    def pause(self, node: str, paused: bool) -> None:
        self.router.send_multipart((self.identities[node], encode(SetPaused(paused))))

    def quit(self) -> int:
        """Ask the loader to end; its exit status."""
        assert self.process is not None
        self.tell(Quit())
        return self.process.wait(PATIENCE)

    def work(self, node: str) -> str:
        """What the node's last beat says it does."""
        beats = [each for each in self.heard if isinstance(each, Beat) and each.node == node]
        return beats[-1].work if beats else ""

    # ---- waiting

    def wait(self, condition: Callable[[], T | None], what: str = "") -> T:
        """Until `condition` gives something true, which is returned."""
        until = time.monotonic() + PATIENCE
        while True:
            self._take_in()
            found = condition()
            if found:
                return found
            if time.monotonic() > until:
                raise AssertionError(f"waited in vain: {what}\n{self.story()}")
            poller = zmq.Poller()
            poller.register(self.router, zmq.POLLIN)
            if self.connection is not None:
                poller.register(self.connection, zmq.POLLIN)
            poller.poll(20)  # what is waited for may be a file or a row, which no socket tells of

    def first(self, *kinds: type[T], **fields: Any) -> T | None:
        """The first thing the loader said that is of these kinds and has these fields."""
        for each in self.said:
            if isinstance(each, kinds) and all(getattr(each, name) == value for name, value in fields.items()):
                return each
        return None

    def rows(self, database: Path, query: str, *values: Any) -> list[dict[str, Any]]:
        """What the store's database says; [] before there is one."""
        if not database.exists():
            return []
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            connection.row_factory = sqlite3.Row
            try:
                found = [dict(row) for row in connection.execute(query, values)]
            except sqlite3.OperationalError:
                found = []
        connection.close()
        return found

    def log(self, pipeline: str, name: str) -> str:
        file = self.data / pipeline / "logs" / f"{name}.log"
        return file.read_text() if file.exists() else ""

    def story(self) -> str:
        """All that is known, for a test that fails."""
        logs = sorted(self.data.glob("*/logs/*.log"))
        shown = "".join(f"--- {each.name}\n{each.read_text()[-3000:]}\n" for each in logs)
        return f"{self.said}\n{self.heard[-5:]}\n{shown}"

    def _connected(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.connection = connection
        self._reader = FrameReader()

    def _take_in(self) -> None:
        while True:
            try:
                identity, data = self.router.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                break
            message = decode(data, NodeMessage)
            self.heard.append(message)
            self.identities[message.node] = identity
        while self.connection is not None:
            try:
                data = self.connection.recv(65536)
            except BlockingIOError:
                break
            except ConnectionResetError:
                data = b""
            if not data:
                self.hang_up()
                break
            self.said.extend(decode(each, FromLoader) for each in self._reader.feed(data))

    def _pids(self) -> list[int]:
        self._take_in()
        ended = {(each.node, each.incarnation) for each in self.said if isinstance(each, Exited)}
        started = {each for each in self.said if isinstance(each, Spawned)}
        known = {(each.node, each.incarnation): each.pid for each in started}
        for loaded in self.said:
            if isinstance(loaded, Loaded):
                known.update({(each.node, each.incarnation): each.pid for each in loaded.children})
        return [pid for key, pid in known.items() if key not in ended]
