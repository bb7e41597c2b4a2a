"""The chain of pipeline.py with eyes on what crosses a process's border: messages, commits, waits.

The eyes are around pyzmq and sqlite3, not inside the product, and see the same whatever stands between those two. Each
process writes what it sees to FOLDER/trace/PID: (kind, crc32 of a message, when it began, when it was done).
"""

from __future__ import annotations

import os
import runpy
import sqlite3
import sys
import zlib
from pathlib import Path
from time import monotonic_ns
from typing import Any

import zmq

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.chain.stamps import Stamps

SENT, RECEIVED, COMMITTED, WAITED, BEGUN = range(1, 6)

seen = Path(sys.argv[1]) / "trace"
seen.mkdir(exist_ok=True)
_of_process: dict[int, Stamps] = {}


def see(kind: int, message: int, began: int) -> None:
    """One event of this process, done now."""
    done = monotonic_ns()
    pid = os.getpid()
    if pid not in _of_process:
        _of_process[pid] = Stamps(seen / str(pid), most=200_000)
    _of_process[pid].add(kind, message, began, done)


class Socket(zmq.Socket):  # type: ignore[type-arg]
    """Sees each message of one frame, or the last of several."""

    def send(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        began = monotonic_ns()
        sent = super().send(data, *args, **kwargs)
        see(SENT, zlib.crc32(data), began)
        return sent

    def send_multipart(self, parts: Any, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        began = monotonic_ns()
        for part in parts[:-1]:
            super().send(part, zmq.SNDMORE)
        sent = super().send(parts[-1], *args, **kwargs)
        see(SENT, zlib.crc32(parts[-1]), began)
        return sent

    def recv(self, *args: Any, **kwargs: Any) -> Any:
        began = monotonic_ns()
        data = super().recv(*args, **kwargs)
        see(RECEIVED, zlib.crc32(data), began)
        return data

    def recv_multipart(self, *args: Any, **kwargs: Any) -> Any:
        began = monotonic_ns()
        parts = [super().recv(*args, **kwargs)]
        while self.getsockopt(zmq.RCVMORE):
            parts.append(super().recv(*args, **kwargs))
        see(RECEIVED, zlib.crc32(parts[-1]), began)
        return parts


class Poller(zmq.Poller):
    def poll(self, timeout: Any = None) -> Any:
        began = monotonic_ns()
        found = super().poll(timeout)
        see(WAITED, len(found), began)
        return found


class Cursor(sqlite3.Cursor):
    def execute(self, sql: str, *args: Any) -> Any:
        began = monotonic_ns()
        done = super().execute(sql, *args)
        if sql.startswith(("BEGIN", "COMMIT")):
            see(BEGUN if sql.startswith("BEGIN") else COMMITTED, 0, began)
        return done


class Connection(sqlite3.Connection):
    def cursor(self, factory: Any = Cursor) -> Any:
        return super().cursor(factory)

    def commit(self) -> None:
        began = monotonic_ns()
        super().commit()
        see(COMMITTED, 0, began)


_connect = sqlite3.connect
sqlite3.connect = lambda *args, **kwargs: _connect(*args, **{"factory": Connection, **kwargs})
zmq.Context._socket_class = Socket  # type: ignore[misc]
for name, seeing in (("Socket", Socket), ("Poller", Poller)):
    setattr(zmq, name, seeing)

pipeline = runpy.run_path(str(Path(__file__).with_name("pipeline.py")), run_name=__name__)["pipeline"]
