"""SIGKILL → pidfd → fork of a warm interpreter → first line of the child; in a process that has imported the modules
named by its arguments, and is as good to fork from as it can be made.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import sqlite3
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers" / "inside"))
from answering import serve  # type: ignore[import-not-found]


def restart(database: str = "") -> float:
    """Milliseconds from the SIGKILL of a child to the first line of the next, which asks `database` first, if any."""
    reader, writer = os.pipe()
    first = _fork(writer)
    os.read(reader, 16)
    watched = os.pidfd_open(first)
    began = time.perf_counter()
    os.kill(first, signal.SIGKILL)
    select.select([watched], [], [])
    os.waitpid(first, 0)
    second = _fork(writer, database)
    os.read(reader, 16)
    took = time.perf_counter() - began
    _end([second], reader, writer, watched)
    return took * 1000


def make(database: str) -> None:
    """A database with something to ask for."""
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE tasks (id INTEGER PRIMARY KEY, node TEXT, state TEXT)")
        connection.executemany("INSERT INTO tasks VALUES (?, 'work', 'executing')", ((each,) for each in range(1000)))


def start(count: int) -> float:
    """Milliseconds until `count` children have each said their first line."""
    reader, writer = os.pipe()
    began = time.perf_counter()
    children = [_fork(writer) for _ in range(count)]
    said = 0
    while said < count:
        said += len(os.read(reader, 65536))
    took = time.perf_counter() - began
    _end(children, reader, writer)
    return took * 1000


def _fork(writer: int, database: str = "") -> int:
    pid = os.fork()
    if pid == 0:
        if database:
            sqlite3.connect(database).execute("SELECT state FROM tasks WHERE node = 'work' AND id = 500").fetchone()
        os.write(writer, b"\n")
        signal.pause()
    return pid


def _end(children: list[int], *descriptors: int) -> None:
    for each in children:
        os.kill(each, signal.SIGKILL)
    for each in children:
        os.waitpid(each, 0)
    for each in descriptors:
        os.close(each)


if __name__ == "__main__":
    for module in sys.argv[1:]:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    serve({"restart": restart, "make": make, "start": start})
