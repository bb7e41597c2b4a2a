"""One log file: its last lines, and the lines that follow, through rotation, truncation and re-creation.

A file that was renamed is read on until the next rotation: a process that holds it open goes on writing there.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, TypeVar

_T = TypeVar("_T")

_BLOCK = 64 * 1024
_MAX_TAIL = 32 * 1024 * 1024  # bytes that are read back for the last lines
_BEFORE = 200  # lines that are read before those that are shown: a traceback's time stands above it
_MAX_LINE = 1024 * 1024  # bytes; a longer one is shown in pieces
_TIME = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?")


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end; `at` is its time, or of the last line before it that has one (ISO 8601 UTC)."""

    at: str
    text: bytes


class LogFile:
    """Follows the file at `path`, which need not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open: list[_Open] = []
        self._at = ""

    def last(self, count: int, following: bool = False) -> list[Line]:
        """The last `count` lines; `more` goes on behind them. A line that is not ended yet waits for its end only if
        `following`."""
        self.close()
        file = _opened(self.path)
        if file is None:
            return []
        self._open = [file]
        lines = file.last(count + _BEFORE)
        if not following:
            lines = [*lines, *file.rest()]
        return _newest(self._timed(lines, _written(file.handle)), count)

    def more(self) -> list[Line]:
        """The lines that came since the last call."""
        lines: list[bytes] = []
        now = _identity(self.path)
        if now is not None and (not self._open or self._open[-1].identity != now):
            fresh = _opened(self.path)
            if fresh is not None:
                self._open.append(fresh)
        while len(self._open) > 2:
            oldest = self._open.pop(0)
            lines += [*oldest.more(), *oldest.rest()]
            oldest.handle.close()
        for each in self._open:
            lines += each.more()
        return self._timed(lines, datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"))

    def close(self) -> None:
        """Close what is open."""
        for each in self._open:
            each.handle.close()
        self._open = []

    def _timed(self, lines: list[bytes], otherwise: str) -> list[Line]:
        """Lines without a time belong to the one before; where there is none before, to the one behind."""
        times = [time_of(line) for line in lines]
        first = next((each for each in times if each), otherwise)
        timed = []
        for line, at in zip(lines, times, strict=True):
            self._at = at or self._at or first
            timed.append(Line(self._at, line))
        return timed


class _Open:
    """A file that is being read; `identity` tells it from another one of its name."""

    def __init__(self, handle: BinaryIO, identity: tuple[int, int]) -> None:
        self.handle, self.identity = handle, identity
        self._partial = b""

    def last(self, count: int) -> list[bytes]:
        end = start = self.handle.seek(0, os.SEEK_END)
        data = b""
        while start > 0 and data.count(b"\n") <= count and end - start < _MAX_TAIL:
            step = min(_BLOCK, start)
            start -= step
            self.handle.seek(start)
            data = self.handle.read(step) + data
        self.handle.seek(end)
        *whole, self._partial = data.split(b"\n")
        return _newest(whole, count)

    def more(self) -> list[bytes]:
        if os.fstat(self.handle.fileno()).st_size < self.handle.tell():
            self.handle.seek(0)  # truncated: what is there now is all new
            self._partial = b""
        lines: list[bytes] = []
        while data := self.handle.read(_BLOCK):
            *whole, self._partial = (self._partial + data).split(b"\n")
            lines += whole
            if len(self._partial) > _MAX_LINE:
                lines += self.rest()
        return lines

    def rest(self) -> list[bytes]:
        """What has no end of line."""
        partial, self._partial = self._partial, b""
        return [partial] if partial else []


def _newest(lines: list[_T], count: int) -> list[_T]:
    return lines[len(lines) - min(count, len(lines)) :]


def _opened(path: Path) -> _Open | None:
    try:
        handle = path.open("rb")
    except FileNotFoundError:
        return None
    found = os.fstat(handle.fileno())
    return _Open(handle, (found.st_dev, found.st_ino))


def _identity(path: Path) -> tuple[int, int] | None:
    with contextlib.suppress(OSError):
        found = path.stat()
        return found.st_dev, found.st_ino
    return None


def _written(handle: BinaryIO) -> str:
    moment = datetime.fromtimestamp(os.fstat(handle.fileno()).st_mtime, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_of(line: bytes) -> str:
    """The time that the line begins with, in ISO 8601 UTC; "" where it begins with none."""
    found = _TIME.match(line)
    if found is None:
        return ""
    try:
        # A time without a zone is the local time of whoever wrote it, which is here.
        moment = datetime.fromisoformat(found[0].decode().replace(",", ".")).astimezone(UTC)
    except (ValueError, OverflowError):  # no such time, or none in UTC (the first and the last day that there is)
        return ""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
