"""The fork server of a pipeline: starts nodes as the daemon asks, waits for them, keeps how they ended.

No threads, no ZeroMQ context: it must stay good to fork from. It outlives the daemon with its nodes, and a new daemon
finds it at its socket. SIGTERM and SIGINT are ignored while a node lives, for with the fork server the nodes would
lose their parent; the daemon ends it with Quit, and without a daemon it ends by itself once it holds nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import selectors
import signal
import socket
import sys
import time
from typing import Any

from node_sdk.changes import shape
from node_sdk.errors import BadMessage
from node_sdk.osprocess import allowed, facts, peer_uid
from node_sdk.pipeline import Pipeline
from node_sdk.rotation import Rotation
from node_sdk.runtime.children import Children, StillAlive
from node_sdk.runtime.conversation import Conversation
from node_sdk.runtime.door import Door
from node_sdk.runtime.fingerprint import Project, fingerprinted
from node_sdk.runtime.interrupt import Interrupt
from node_sdk.runtime.launch import Launch
from node_sdk.runtime.starting import Starter
from node_sdk.wire.codec import decode, encode
from node_sdk.wire.frames import frame
from node_sdk.wire.loader import (
    Attend,
    Exited,
    Forget,
    FromLoader,
    Load,
    Loaded,
    Query,
    QueryAnswer,
    Quit,
    Spawn,
    Spawned,
    SpawnFailed,
    ToLoader,
)

FAREWELL = 2.0  # seconds that the last frames may take to leave
TOLD_TOGETHER = 8  # processes that are started at once; told of each by itself, the daemon would have a turn for each
QUIET = 0.05  # seconds after a start until a process is made ready for the next
MOST_STRANGERS = 8  # connections that have not said yet that they are a daemon


class Server:
    """Serves `daemon` and those that come after it, until nothing is left to do."""

    def __init__(
        self, pipeline: Pipeline, name: str, wanted: Load, door: Door, daemon: Conversation, rotation: Rotation
    ) -> None:
        self._name = name
        self._rotation = rotation  # of loader.log
        self._wanted = wanted
        self._graph = fingerprinted(pipeline, dataclasses.replace(pipeline.graph, name=name))
        self._sources = tuple(map(str, Project().sources()))
        self._door = door
        self._daemon = daemon
        self._daemon.closing = self._unregister
        self._strangers: dict[object, Conversation] = {}
        self._interrupt = Interrupt()
        self._selector = selectors.DefaultSelector()
        self._starter = Starter(pipeline, self._nobody, self._leave)
        self._children = Children(self._starter)
        self._answers: dict[int, tuple[int, bytearray]] = {}  # descriptor → number of the query, answer so far
        self._quitting = False
        self._stand_by_at: float | None = None
        if self._starter.note:
            sys.stderr.write(f"{self._starter.note}\n")

    @property
    def forking(self) -> bool:
        """Whether nodes are forked from here."""
        return self._starter.forking

    def serve(self, messages: list[ToLoader]) -> int:
        """Answer `messages`, then whatever comes; the exit status of the process."""
        self._interrupt.install()
        for number in (signal.SIGCHLD, signal.SIGHUP):
            signal.signal(number, lambda number, frame: None)  # what counts is that it wakes the selector
        for descriptor in (self._door.listener, self._interrupt.fd, self._daemon.connection):
            self._selector.register(descriptor, selectors.EVENT_READ)
        self._say(self._loaded())
        self._obey(messages)
        self._await_writable()  # a large graph does not fit into the socket at once
        while not self._done():
            self._turn()
            self._stand_by()
        self._end()
        return 0

    def _turn(self) -> None:
        due = self._stand_by_at
        for key, _ in self._selector.select(None if due is None else max(0.0, due - time.monotonic())):
            if key.fileobj is self._door.listener:
                self._accept()
            elif key.fd == self._interrupt.fd:
                self._interrupt.clear()
            elif key.fileobj in self._answers:  # not key.fd: its number may be that of one closed in this turn
                self._read_answer(key.fd)
            elif key.fileobj in self._strangers:
                self._hear_out(self._strangers[key.fileobj])
            elif key.fileobj is self._daemon.connection:
                self._hear()
        self._reap()
        self._rotation.look()
        self._await_writable()

    def _done(self) -> bool:
        if self._children.alive:
            self._interrupt.stopping = False
            return False
        if self._daemon.closed and not self._children.states():
            return True
        return self._quitting or self._interrupt.stopping

    def _end(self) -> None:
        self._starter.stand_down()
        until = time.monotonic() + FAREWELL
        while self._daemon.unsent and time.monotonic() < until:
            self._selector.select(0.1)
            self._daemon.flush()
        self._door.remove()

    # ---- talking

    def _accept(self) -> None:
        """Whoever connects is a stranger until it says that it is the daemon: others may look in as well."""
        try:
            connection, _ = self._door.listener.accept()
        except OSError:
            return
        try:
            welcome = allowed(peer_uid(connection))
        except OSError:
            welcome = False
        if not welcome:
            connection.close()
            return
        if len(self._strangers) >= MOST_STRANGERS:
            next(iter(self._strangers.values())).close()
        stranger = self._strangers[connection] = Conversation(connection, self._unregister, stranger=True)
        self._selector.register(connection, selectors.EVENT_READ)
        self._hear_out(stranger)

    def _hear_out(self, stranger: Conversation) -> None:
        """Whether it is the daemon, its first frame says."""
        try:
            messages = stranger.receive()
        except BadMessage as error:
            sys.stderr.write(f"hanging up on a stranger: {error}\n")
            stranger.close()
            return
        if messages and isinstance(messages[0], Attend):
            self._attend(stranger, messages[1:])
        elif messages:
            sys.stderr.write(f"hanging up on a stranger that said {type(messages[0]).__name__} before Attend\n")
            stranger.close()

    def _attend(self, daemon: Conversation, messages: list[ToLoader]) -> None:
        """A new daemon takes the place of the old one: the lock of the home lets only one live."""
        del self._strangers[daemon.connection]
        daemon.trust()
        if not self._daemon.closed:
            self._hear()  # what the old one said last still counts
        self._hang_up()
        self._daemon = daemon
        self._say(self._loaded())
        self._obey(messages)

    def _hear(self) -> None:
        try:
            messages = self._daemon.receive()
        except BadMessage as error:
            sys.stderr.write(f"hanging up on a daemon: {error}\n")
            messages = []
            self._hang_up()
        self._obey(messages)

    def _say(self, message: FromLoader) -> None:
        self._daemon.send(message)

    def _await_writable(self) -> None:
        connection = self._daemon.connection
        if self._daemon.closed:
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._daemon.unsent else 0)
        if self._selector.get_key(connection).events != wanted:
            self._selector.modify(connection, wanted)
        self._daemon.flush()

    def _hang_up(self) -> None:
        self._daemon.close()

    def _unregister(self, connection: socket.socket) -> None:
        self._strangers.pop(connection, None)
        with contextlib.suppress(KeyError):
            self._selector.unregister(connection)

    def _loaded(self) -> Loaded:
        starter = self._starter
        return Loaded(
            graph=self._graph,
            pid=os.getpid(),
            forking=starter.forking,
            note=starter.note,
            children=self._children.states(),
            sources=self._sources,
        )

    # ---- obeying

    def _obey(self, messages: list[ToLoader]) -> None:
        started = 0
        for message in messages:
            if isinstance(message, Spawn):
                self._spawn(message)
                started += 1
                if started % TOLD_TOGETHER == 0:
                    self._daemon.flush()
            elif isinstance(message, Query):
                self._query(message)
            elif isinstance(message, Forget):
                self._children.forget(message.node, message.incarnation)
            elif isinstance(message, Quit):
                self._quitting = True
        self._daemon.flush()

    def _nobody(self) -> Launch:
        return self._launch(self._graph.nodes[-1].name)

    def _launch(self, node: str, **more: Any) -> Launch:
        return Launch(load=self._wanted, pipeline=self._name, node=node, **more)

    def _spawn(self, wish: Spawn) -> None:
        node, incarnation = wish.node, wish.incarnation
        try:
            if node not in self._graph.by_name:
                raise StillAlive(f"cannot start node {node!r}: no such node in pipeline {self._name!r}")
            launch = self._launch(
                node,
                incarnation=incarnation,
                paused=wish.paused,
                crashed=wish.crashed,
                limits=self._graph.by_name[node].limits,
                **self._as_read(node),
            )
            state = self._children.spawn(launch)
        except StillAlive as error:
            self._say(SpawnFailed(node, incarnation, str(error)))
        except OSError as error:
            self._say(SpawnFailed(node, incarnation, f"cannot start a process for node {node!r}: {error}"))
        else:
            self._daemon.send(Spawned(node, incarnation, state.pid, state.started), with_next=True)
            self._stand_by_at = time.monotonic() + QUIET

    def _as_read(self, node: str) -> dict[str, str]:
        """What a process needs that reads the file once more, to see whether it has been edited."""
        if self._starter.forks(node):
            return {}
        return {"shape": shape(self._graph, node), "source": self._graph.source}

    def _stand_by(self) -> None:
        """Fork the process that will be the next node once no start has been asked for in a while: not in its way."""
        if self._stand_by_at is not None and time.monotonic() >= self._stand_by_at:
            self._stand_by_at = None
            self._starter.stand_by()
            self._rehearse()

    def _rehearse(self) -> None:
        """Write once what an end and a start write, as nobody: since the fork each page must be copied for that."""
        launch, pid = self._nobody(), os.getpid()
        found = facts(pid)
        started = 0.0 if found is None else found.started
        encode(launch)
        decode(encode(Spawn(node=launch.node, incarnation=0)), ToLoader)
        for message in (Exited(launch.node, 0, pid, None, 9), Spawned(launch.node, 0, pid, started)):
            frame(encode(message))
        shape(self._graph, launch.node)

    def _reap(self) -> None:
        for state in self._children.reap():
            self._say(Exited(state.node, state.incarnation, state.pid, state.exit_code, state.signal))
            if state.exit_code != 0:  # else it was told to end, as a rule
                self._starter.alert()

    def _query(self, query: Query) -> None:
        try:
            _, descriptor = self._starter.query(self._launch(self._graph.store.name, query=query))
        except OSError as error:
            self._say(QueryAnswer(query.id, None, f"cannot start a process that reads the metadata store: {error}"))
            return
        self._answers[descriptor] = (query.id, bytearray())
        self._selector.register(descriptor, selectors.EVENT_READ)

    def _read_answer(self, descriptor: int) -> None:
        number, answer = self._answers[descriptor]
        data = os.read(descriptor, 1 << 20)
        if data:
            answer += data
            return
        self._selector.unregister(descriptor)
        os.close(descriptor)
        del self._answers[descriptor]
        try:
            self._say(decode(bytes(answer), QueryAnswer))
        except BadMessage:
            why = "the process that was to answer ended, or took too long; see loader.log"
            self._say(QueryAnswer(number, None, why))

    def _leave(self) -> None:
        """In a forked child: close what is the server's alone."""
        self._selector.close()
        self._door.close()
        for each in (self._daemon, *self._strangers.values()):
            each.close()
        self._interrupt.close()
        for descriptor in self._answers:
            os.close(descriptor)
