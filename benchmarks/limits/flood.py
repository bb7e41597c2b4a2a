"""The raw limit of taking in many files: look through a folder, or hear of each by inotify; sha256 of each; one insert
per file, in batches, each durable (synchronous=FULL); one update that claims them all.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import sqlite3
import struct
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.limits.chain import IN_MOVED_TO

BATCH = 500
_EVENT = struct.Struct("iIII")


class Watched:
    """A folder whose coming files are heard of from here on."""

    def __init__(self, folder: Path) -> None:
        libc = ctypes.CDLL(None)
        self._folder = folder
        self._inotify = libc.inotify_init1(0)
        libc.inotify_add_watch(self._inotify, os.fsencode(folder), IN_MOVED_TO)

    def files(self, number: int) -> Iterator[str]:
        """The paths of the next `number` files; where the kernel's queue was too short for them, by looking."""
        known: set[str] = set()
        while len(known) < number:
            lost = False
            for mask, name in self._events():
                lost = lost or not mask & IN_MOVED_TO
                if mask & IN_MOVED_TO and name not in known:
                    known.add(name)
                    yield f"{self._folder}/{name}"
            for name in os.listdir(self._folder) if lost else ():
                if name not in known:
                    known.add(name)
                    yield f"{self._folder}/{name}"

    def _events(self) -> Iterator[tuple[int, str]]:
        buffer, position = os.read(self._inotify, 256 * 1024), 0
        while position < len(buffer):
            _, mask, _, length = _EVENT.unpack_from(buffer, position)
            position += _EVENT.size + length
            yield mask, os.fsdecode(buffer[position - length : position].rstrip(bytes(1)))


def there(folder: Path, database: Path) -> float:
    """Seconds until all files of `folder` are claimed."""
    return _claimed((each.path for each in os.scandir(folder)), database)


def coming(watched: Watched, number: int, database: Path) -> float:
    """Seconds until so many files, which begin to come now, are claimed."""
    return _claimed(watched.files(number), database)


def _claimed(paths: Iterable[str], path: Path) -> float:
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE files (id INTEGER PRIMARY KEY, path TEXT, sha256 TEXT, size INTEGER, run INTEGER)")
    began = time.monotonic()
    batch: list[tuple[str, str, int]] = []
    for each in paths:
        with open(each, "rb") as file:
            content = file.read()
        batch.append((each, hashlib.sha256(content).hexdigest(), len(content)))
        if len(batch) == BATCH:
            _insert(database, batch)
            batch = []
    _insert(database, batch)
    database.execute("UPDATE files SET run = 1")
    took = time.monotonic() - began
    database.close()
    return took


def _insert(database: sqlite3.Connection, batch: list[tuple[str, str, int]]) -> None:
    database.execute("BEGIN IMMEDIATE")
    database.executemany("INSERT INTO files (path, sha256, size) VALUES (?, ?, ?)", batch)
    database.execute("COMMIT")
