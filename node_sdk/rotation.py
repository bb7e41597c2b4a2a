"""Keeps a log within its bounds while any number of processes append to it; no line is lost, and none is torn.

There are two ways to make room, each with its proof. Where nobody else has the file open for writing, it is renamed,
and a new one takes its place. Where somebody has (a child that was given our stdout), its lines are copied to an old
file and their room in this one is given back; every writer goes on at its end and hears nothing of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from node_sdk import logspace
from node_sdk.own_files import open_own
from node_sdk.policy import DEFAULT_LOG_POLICY, LogPolicy

_DAY = 86400.0
_AGAIN = 30.0  # seconds until a rotation that failed (a full disk) is tried again
_SETTLED = 0.05  # seconds in which a write that was under way ends


class Rotation:
    """The log at `path`, to which this process appends through `descriptors`. `begin`, then `look` now and then.

    No exception leaves it: a log that cannot be rotated grows, and its node works.
    """

    def __init__(self, path: Path, policy: LogPolicy, descriptors: tuple[int, ...] = (1, 2)) -> None:
        whole = policy.over(DEFAULT_LOG_POLICY)
        assert whole.max_bytes is not None and whole.files is not None and whole.max_age is not None
        self.path = path
        self.max_bytes, self._files, self._max_age = whole.max_bytes, whole.files, whole.max_age * _DAY
        self._descriptors = descriptors
        self._fresh = path.with_name(f".{path.name}.fresh")
        self._pid = os.getpid()
        self._busy = threading.Lock()
        self._written: os.stat_result | None = None  # the file that our descriptors lead to
        self._swept = self._not_before = 0.0
        self._quiet: tuple[int, int] | None = None  # the file at the path and its size, when last there was no need
        self._found = 0  # bytes in it then

    def begin(self) -> None:
        """Before the file is opened: make room where it is full or has a hole, and remove what is too old."""
        with contextlib.suppress(OSError), self._alone() as alone:
            if not alone:
                return
            self._take_back()
            self._sweep()
            found = logspace.used(self.path)
            has_hole = 0 < found < self.path.stat().st_size
            if (found > self.max_bytes or has_hole) and logspace.nobody_writes(self.path):
                self._shift()
                self._retire()

    def look(self) -> int:
        """Rotate the file where it has grown too large; the bytes in it after that. In a forked child: nothing."""
        if os.getpid() != self._pid or not self._busy.acquire(blocking=False):
            return 0
        try:
            return self._look()
        except OSError:
            self._quiet = None
            self._not_before = time.monotonic() + _AGAIN
            return 0
        finally:
            self._busy.release()

    def _look(self) -> int:
        # A node of an idle pipeline does this, and no more.
        if self._quiet is not None and self._state() == self._quiet and time.time() - self._swept < _DAY:
            return self._found
        found = self._found = self._look_closer()
        self._quiet = None if found > self.max_bytes else self._state()
        return found

    def _state(self) -> tuple[int, int] | None:
        """Which file is at the path, and its size."""
        try:
            found = os.stat(self.path)  # noqa: PTH116  (a pathlib call takes as long again)
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_size

    def _look_closer(self) -> int:
        self._follow()
        if time.time() - self._swept > _DAY:
            self._sweep()
        found = logspace.used(self.path)
        if found > self.max_bytes and time.monotonic() >= self._not_before and self._ours():
            with self._alone() as alone:
                found = logspace.used(self.path)  # another may have made room
                if alone and found > self.max_bytes:
                    self._make_room(found)
                    found = logspace.used(self.path)
        return found

    def _make_room(self, used: int) -> None:
        if used > 2 * self.max_bytes or not self._rename():
            self._empty()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[bool]:
        """Whether nobody else rotates a log of this folder meanwhile: after a reload two loaders have the same one."""
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(folder)
            yield False
            return
        except OSError:  # a file system without locks
            pass
        try:
            yield True
        finally:
            with contextlib.suppress(OSError):
                fcntl.flock(folder, fcntl.LOCK_UN)  # a child that was forked meanwhile has the descriptor, too
            os.close(folder)

    # ---- the two ways

    def _rename(self) -> bool:
        """Whether we were its only writer, and the last line was whole."""
        ours = self._ours()
        self._lead(ours, self._fresh)
        try:
            if logspace.nobody_writes(self.path) and logspace.ends_with_a_line(self.path):
                self._exchange()
                return True
        except OSError:
            self._lead(ours, self.path)
            self._take_back()
            raise
        self._lead(ours, self.path)
        return not self._call_off(ours)

    def _exchange(self) -> None:
        self._shift()
        self._retire()
        self._fresh.replace(self.path)
        self._written = self.path.stat()

    def _call_off(self, ours: list[int]) -> bool:
        """What was written to the fresh file meanwhile comes back. Not where a child was given it in that moment."""
        until = time.monotonic() + _SETTLED
        while not logspace.nobody_writes(self._fresh):
            if time.monotonic() > until:
                self._exchange()
                self._lead(ours, self.path)
                return False
            time.sleep(0.001)
        self._take_back()
        return True

    def _empty(self) -> None:
        """Move the whole lines to old files, as far as they may be kept, and give back their room."""
        with os.fdopen(open_own(self.path, os.O_RDWR), "r+b") as file:
            descriptor = file.fileno()
            begin = logspace.start_of_data(descriptor)
            end = logspace.end_of_lines(descriptor, os.fstat(descriptor).st_size)
            at = max(begin, end - self.max_bytes * (self._files - 1))
            step = -(-(end - at) // max(1, round((end - at) / self.max_bytes)))
            while at < end:
                limit = end if end - at < step * 1.1 else at + step
                until = logspace.end_of_lines(descriptor, limit)
                until = until if until > at else limit
                self._shift()
                logspace.copy(descriptor, at, until, self._old(1))
                at = until
            if not logspace.punch(descriptor, end):
                self._leave_behind()

    def _leave_behind(self) -> None:
        """A file system without holes: go on in a new file. Who holds the old one writes there, and it is read."""
        self._old(1).unlink(missing_ok=True)
        ours = self._ours()
        self._retire()
        self._lead(ours, self.path)

    # ---- which file it is

    def _follow(self) -> None:
        """Begin a new file where a person has moved ours away, or removed it."""
        ours = self._ours()
        if ours:
            self._written = os.fstat(ours[0])
            return
        if self._written is None or self.path.exists():
            return  # another's: an older incarnation must not come back to the path of a newer one
        moved = self._leading_to(self._written)
        if moved:
            self._lead(moved, self.path)
            self._written = self.path.stat()

    def _ours(self) -> list[int]:
        """Our descriptors that lead to the file at the path; user code may have put one elsewhere for a while."""
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return []
        return self._leading_to(there)

    def _leading_to(self, file: os.stat_result) -> list[int]:
        found = []
        for each in self._descriptors:
            with contextlib.suppress(OSError):  # user code may have closed one
                if os.path.samestat(os.fstat(each), file):
                    found.append(each)
        return found

    def _lead(self, descriptors: list[int], to: Path) -> None:
        """Have them append to the file at `to`, which need not exist."""
        opened = open_own(to, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        for each in descriptors:
            os.dup2(opened, each)
        os.close(opened)

    def _take_back(self) -> None:
        """Append what is in the fresh file, of a rotation that was called off or cut short, to the log."""
        with contextlib.suppress(FileNotFoundError):
            data = self._fresh.read_bytes()
            if data:
                with os.fdopen(open_own(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640), "ab") as file:
                    file.write(data)
            self._fresh.unlink()

    # ---- old files

    def _old(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _shift(self) -> None:
        """Free the name of the youngest old file; the oldest is dropped."""
        for number in range(self._files - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                if number + 1 < self._files:
                    self._old(number).replace(self._old(number + 1))
                else:
                    self._old(number).unlink()

    def _retire(self) -> None:
        if self._files > 1:
            self.path.replace(self._old(1))
        else:
            self.path.unlink()

    def _sweep(self) -> None:
        """Remove what is too old, and what a policy that kept more has left."""
        self._swept = time.time()
        if not (self._old(1).exists() or self._old(2).exists()):
            return  # as a rule: a folder of thousands of logs is not looked through at each start
        for number, old in logspace.old_files(self.path):
            if number >= self._files or self._swept - old.stat().st_mtime > self._max_age:
                old.unlink(missing_ok=True)
