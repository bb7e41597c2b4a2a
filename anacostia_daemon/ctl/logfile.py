"""One log: its last lines, also those in its old files, and the lines that follow, through rotation, truncation and
re-creation.

A file that was renamed is read on until the next rotation: a process that holds it open goes on writing there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
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
        found: list[Line] = []
        for number, lines in enumerate(self._back(count, following)):
            if number == 0 and lines:
                self._last = lines[-1]
            found = [each for each in lines if self._wanted(each)] + found
            if len(found) >= count or self._too_old(lines):
                break
        return _newest(found, count)

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

    def _back(self, count: int, following: bool) -> Iterator[list[Line]]:
        """The lines of each file, the current one first. Where only some are wanted, all are looked at."""
        count = count + _BEFORE if self._wanted.everything else _MAX_TAIL
        current = _opened(self.path)
        if current is not None:
            self._open = [current]
            yield self._read(current, count, partial=not following)
        for _, path in old_files(self.path):
            old = _opened(path)
            if old is not None:
                with old.handle:
                    yield self._read(old, count, partial=True)

    def _read(self, file: _Open, count: int, partial: bool) -> list[Line]:
        lines = file.last(count)
        if partial:
            lines = [*lines, *file.rest()]
        self._last = _NOTHING
        return self._timed(lines, _written(file.handle))

    def _too_old(self, lines: list[Line]) -> bool:
        return bool(lines and self._wanted.since is not None and lines[0].at < self._wanted.since)

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
