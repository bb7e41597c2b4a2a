"""One log: its last lines, also those in its old files, and the lines that follow, through rotation, truncation and
re-creation.

A file that was renamed is read on until the next rotation: a process that holds it open goes on writing there.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, TypeVar

from anacostia_daemon.ctl.logline import Line, Wanted, stamp, taken_apart, time_of
from node_sdk.logspace import old_files, start_of_data

_T = TypeVar("_T")

_BLOCK = 64 * 1024
_MAX_TAIL = 32 * 1024 * 1024  # bytes of one file that are read back for the last lines
_BEFORE = 200  # lines that are read before those that are shown: a traceback's time stands above it
_MAX_LINE = 1024 * 1024  # bytes; a longer one is shown in pieces
_NOTHING = Line("", b"")


class LogFile:
    """Follows the log at `path`, which need not exist yet. Of its lines only the `wanted` ones are given."""

    def __init__(self, path: Path, wanted: Wanted | None = None) -> None:
        self.path = path
        self._wanted = wanted or Wanted()
        self._open: list[_Open] = []
        self._last = _NOTHING

    def last(self, count: int, following: bool = False) -> list[Line]:
        """The last `count` lines; `more` goes on behind them. A line that is not ended yet waits for its end only if
        `following`."""
        self.close()
        self._last = _NOTHING
        find = self._newest_lines if self._wanted.everything else self._wanted_lines
        return _in_order(_newest(find(count, following), count))

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
        return [each for each in self._timed(lines, stamp(datetime.now(UTC))) if self._wanted(each)]

    def close(self) -> None:
        """Close what is open."""
        for each in self._open:
            each.handle.close()
        self._open = []

    def _newest_lines(self, count: int, following: bool) -> list[Line]:
        """From the current file back, as far as needed."""
        found = self._read_current(count + _BEFORE, following)
        last = self._last
        for _, path in old_files(self.path):
            if len(found) >= count:
                break
            self._last = _NOTHING
            found = self._read_old(path, count + _BEFORE) + found
        self._last = last
        return found

    def _wanted_lines(self, count: int, following: bool) -> list[Line]:
        """From the oldest file on: which run a printed line is of, an older file may say."""
        found: list[Line] = []
        for _, path in reversed(old_files(self.path)):
            found += filter(self._wanted, self._read_old(path, _MAX_TAIL))
            found = _newest(found, count)
        return found + list(filter(self._wanted, self._read_current(_MAX_TAIL, following)))

    def _read_old(self, path: Path, count: int) -> list[Line]:
        file = _opened(path)
        if file is None:
            return []
        with file.handle:
            return self._read(file, count, partial=True)

    def _read_current(self, count: int, following: bool) -> list[Line]:
        file = _opened(self.path)
        if file is None:
            return []
        self._open = [file]
        return self._read(file, count, partial=not following)

    def _read(self, file: _Open, count: int, partial: bool) -> list[Line]:
        lines = file.last(count)
        if partial:
            lines = [*lines, *file.rest()]
        return self._timed(lines, _written(file.handle))

    def _timed(self, lines: list[bytes], otherwise: str) -> list[Line]:
        """Lines without a time belong to the one before; where there is none before, to the one behind."""
        if not self._last.at:
            self._last = Line(next((at for at in map(time_of, lines) if at), otherwise), b"")
        timed = list(taken_apart(lines, self._last))
        if timed:
            self._last = timed[-1]
        return timed


class _Open:
    """A file that is being read; `identity` tells it from another one of its name."""

    def __init__(self, handle: BinaryIO, identity: tuple[int, int]) -> None:
        self.handle, self.identity = handle, identity
        self._partial = b""

    def last(self, count: int) -> list[bytes]:
        first = start_of_data(self.handle.fileno())
        end = start = self.handle.seek(0, os.SEEK_END)
        blocks: list[bytes] = []
        lines = 0
        while start > first and lines <= count and end - start < _MAX_TAIL:
            step = min(_BLOCK, start - first)
            start -= step
            self.handle.seek(start)
            blocks.append(self.handle.read(step))
            lines += blocks[-1].count(b"\n")
        self.handle.seek(end)
        *whole, self._partial = _without_hole(b"".join(reversed(blocks))).split(b"\n")
        return _newest(whole, count)

    def more(self) -> list[bytes]:
        if os.fstat(self.handle.fileno()).st_size < self.handle.tell():
            self.handle.seek(0)  # truncated: what is there now is all new
            self._partial = b""
        lines: list[bytes] = []
        while data := self.handle.read(_BLOCK):
            *whole, self._partial = (self._partial + _without_hole(data)).split(b"\n")
            lines += whole
            if len(self._partial) > _MAX_LINE:
                lines += self.rest()
        return lines

    def rest(self) -> list[bytes]:
        """What has no end of line."""
        partial, self._partial = self._partial, b""
        return [partial] if partial else []


def _without_hole(data: bytes) -> bytes:
    """Lines that were moved to an old file while a child held this one open have left zeros behind."""
    return data.lstrip(b"\0") if data.startswith(b"\0") else data


def _in_order(lines: list[Line]) -> list[Line]:
    """What was printed at the beginning of a file got the file's time; it is not later than the line behind it."""
    for index in range(len(lines) - 2, -1, -1):
        line, behind = lines[index], lines[index + 1]
        if line.at > behind.at and not time_of(line.text):
            lines[index] = replace(line, at=behind.at)
    return lines


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
    return stamp(datetime.fromtimestamp(os.fstat(handle.fileno()).st_mtime, UTC))
