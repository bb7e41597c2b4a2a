"""The raw limit of a chain: the same messages and the same commits with bare pyzmq and sqlite3, and nothing else.

A store, which answers after one commit (synchronous=FULL) for all requests that wait; a process per link, which stamps,
asks the store to record that it is done, and signals the next once it is answered. What a file starts begins with raw
inotify: the watcher tells the store, which commits and signals the first link.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import sqlite3
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic_ns

import zmq

from benchmarks.chain.chain import Chain
from benchmarks.chain.stamps import Stamps
from benchmarks.harness.daemon import short_folder

IN_MOVED_TO = 0x80
_MESSAGE = struct.Struct("<qq")  # run, number of the link; 0: the watcher


class BareChain(Chain):
    """Started by numbers instead of files, but for one that is watched."""

    def __init__(self, folder: Path, length: int) -> None:
        super().__init__(folder, length)
        os.mkfifo(folder / "start")
        self._start = os.open(folder / "start", os.O_RDWR)

    def start(self, run: int) -> None:
        """Run number `run` begins."""
        os.write(self._start, _MESSAGE.pack(run, 1))

    def close(self) -> None:
        super().close()
        os.close(self._start)


@contextlib.contextmanager
def bare(length: int, *, watched: bool = False, waiting: bool = True) -> Iterator[BareChain]:
    """The processes of a chain. Not `waiting`: links go on with other runs while the store commits."""
    with short_folder() as folder:
        chain = BareChain(folder, length)
        stamps = {"waiting": waiting, "watched": watched}
        works = [lambda: _store(folder)]
        works += [lambda n=n: _link(folder, n, length, **stamps) for n in range(1, length + 1)]  # type: ignore[misc]
        works += [lambda: _watch(folder)] if watched else []
        processes = [multiprocessing.get_context("fork").Process(target=work, daemon=True) for work in works]
        try:
            for each in processes:
                each.start()
            _wait_until_up(folder, watched)
            yield chain
        finally:
            for each in processes:
                each.kill()
                each.join()
            chain.close()


def _wait_until_up(folder: Path, watched: bool) -> None:
    wanted = [folder / "store", *([folder / "watching"] if watched else [])]
    while not all(each.exists() for each in wanted):
        time.sleep(0.01)


def _store(folder: Path) -> None:
    inbox = _bound(folder / "store")
    first = _connected(folder / "link1")
    database = sqlite3.connect(folder / "done.db", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE done (id INTEGER PRIMARY KEY, run INTEGER, link INTEGER, at REAL)")
    insert = "INSERT INTO done (run, link, at) VALUES (?, ?, ?)"
    while True:
        waiting = [inbox.recv_multipart()]
        with contextlib.suppress(zmq.Again):
            while True:
                waiting.append(inbox.recv_multipart(zmq.DONTWAIT))
        asked = [(sender, _MESSAGE.unpack(data)) for sender, data in waiting]
        now = time.time()
        database.execute("BEGIN IMMEDIATE")
        database.executemany(insert, [(run, link, now) for _, (run, link) in asked])
        database.execute("COMMIT")
        for sender, (run, link) in asked:
            if link:
                inbox.send_multipart((sender, _MESSAGE.pack(run, link)))
            else:
                first.send(_MESSAGE.pack(run, 1))


def _link(folder: Path, number: int, length: int, *, waiting: bool, watched: bool) -> None:
    stamps = Stamps(folder / f"link{number}.stamps", most=1_000_000)
    inbox = _bound(folder / f"link{number}")
    store = _connected(folder / "store")
    after = _connected(folder / f"link{number + 1}") if number < length else None
    bell = os.open(folder / "bell", os.O_RDWR)
    start = os.open(folder / "start", os.O_RDWR)

    def execute(run: int) -> None:
        began = monotonic_ns()
        stamps.add(run, began, monotonic_ns())
        store.send(_MESSAGE.pack(run, number))

    def done(run: int) -> None:
        if after is None:
            os.write(bell, b"!")
        else:
            after.send(_MESSAGE.pack(run, number + 1))

    by_number = number == 1 and not watched
    if waiting:
        while True:
            data = os.read(start, _MESSAGE.size) if by_number else inbox.recv_multipart()[1]
            execute(_MESSAGE.unpack(data)[0])
            done(_MESSAGE.unpack(store.recv())[0])
    _go_on(start if by_number else None, inbox, store, execute, done)


def _go_on(
    start: int | None,
    inbox: zmq.Socket[bytes],
    store: zmq.Socket[bytes],
    execute: Callable[[int], None],
    done: Callable[[int], None],
) -> None:
    poller = zmq.Poller()
    poller.register(inbox if start is None else start, zmq.POLLIN)
    poller.register(store, zmq.POLLIN)
    while True:
        ready = dict(poller.poll())
        if store in ready:
            with contextlib.suppress(zmq.Again):
                while True:
                    done(_MESSAGE.unpack(store.recv(zmq.DONTWAIT))[0])
        if start is not None and start in ready:
            for run, _ in _MESSAGE.iter_unpack(os.read(start, 64 * _MESSAGE.size)):
                execute(run)
        if inbox in ready:
            with contextlib.suppress(zmq.Again):
                while True:
                    execute(_MESSAGE.unpack(inbox.recv_multipart(zmq.DONTWAIT)[1])[0])


def _watch(folder: Path) -> None:
    libc = ctypes.CDLL(None)
    inotify = libc.inotify_init1(0)
    libc.inotify_add_watch(inotify, os.fsencode(folder / "inbox"), IN_MOVED_TO)
    store = _connected(folder / "store")
    (folder / "watching").touch()
    run = 0
    while True:
        os.read(inotify, 4096)
        run += 1
        store.send(_MESSAGE.pack(run, 0))


def _bound(path: Path) -> zmq.Socket[bytes]:
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
    socket.bind(f"ipc://{path}")
    return socket


def _connected(path: Path) -> zmq.Socket[bytes]:
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    socket.connect(f"ipc://{path}")
    return socket
