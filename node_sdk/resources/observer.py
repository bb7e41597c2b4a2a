"""A folder and everything below it, watched by watchdog's Observer: for platforms without inotify.

The observer has threads of its own; they put what they see into a queue and make a pipe readable, so that the main
loop waits on this watch as on the other (inotify.py), and reads the same `Changes`.

macOS does not tell when a file is closed, nor whether somebody writes it: there a file that appears or changes counts
once nothing has been heard of it for QUIET seconds. What is moved in counts at once.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from node_sdk.resources.inotify import Changes

QUIET = 1.0  # seconds


class ObservedFolder(FileSystemEventHandler):
    """Watches `root`, which must exist. `closing_is_told`: the platform says when a file is complete."""

    def __init__(self, root: str, *, closing_is_told: bool = sys.platform == "linux") -> None:
        self.root = root
        self._settling = None if closing_is_told else _Settling(self._appeared)
        self._seen: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()  # what has become of it, and its path
        self.fd, self._write = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write, False)
        self._observer = Observer()
        self._observer.schedule(self, root, recursive=True)
        self._observer.start()

    def close(self) -> None:
        """End watching."""
        self._observer.stop()
        self._observer.join()
        if self._settling is not None:
            self._settling.close()
        os.close(self.fd)
        os.close(self._write)

    def dispatch(self, event: FileSystemEvent) -> None:
        """Called in watchdog's thread for each event."""
        if event.is_directory and event.event_type in ("modified", "closed"):
            return  # what has changed in it is told of by itself, and looking through it each time would not end
        source, target = os.fsdecode(event.src_path), os.fsdecode(event.dest_path or "")
        if event.event_type in ("moved", "deleted"):
            self._say("folder gone" if event.is_directory else "gone", source)
            if target:
                self._appeared(target)
        elif event.event_type in ("created", "modified", "closed"):
            if self._settling is None:
                self._say("closed" if event.event_type == "closed" else "appeared", source)
            else:
                self._settling.heard_of(source)

    def _appeared(self, path: str) -> None:
        self._say("appeared", path)

    def _say(self, what: str, path: str) -> None:
        self._seen.put((what, path))
        with contextlib.suppress(BlockingIOError):  # the pipe is full, so the reader is woken anyway
            os.write(self._write, b"!")

    def changes(self, most: int | None = None) -> Changes:
        """All that happened since the last call; does not wait."""
        changes = Changes()
        with contextlib.suppress(BlockingIOError):
            while os.read(self.fd, 65536):
                pass
        while not self._seen.empty():
            what, path = self._seen.get()
            if what in ("gone", "folder gone"):
                changes.files.pop(path, None)
                changes.gone[path] = what == "folder gone"
            elif Path(path).is_dir():
                changes.folders[path] = None
            else:
                changes.gone.pop(path, None)
                changes.files[path] = what == "closed" or changes.files.get(path, False)
        return changes


class _Settling:
    """Waits, in a thread, until nothing more is heard of a path; then calls `settled` with it."""

    def __init__(self, settled: Callable[[str], None]) -> None:
        self._settled = settled
        self._due: dict[str, float] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="settling", daemon=True)
        self._thread.start()

    def heard_of(self, path: str) -> None:
        with self._changed:
            self._due.pop(path, None)  # so that the dict stays in the order of its deadlines
            self._due[path] = time.monotonic() + QUIET
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                path, due = next(iter(self._due.items()), ("", None))
                left = None if due is None else due - time.monotonic()
                if left is None or left > 0:
                    self._changed.wait(left)
                else:
                    del self._due[path]
                    self._settled(path)
