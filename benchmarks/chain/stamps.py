"""Moments, written by the processes that are measured and read by the one that measures: no polling, no message.

Every process of this machine reads the same clock (CLOCK_MONOTONIC), so moments of two of them may be subtracted. A
stamp goes into memory that is mapped from a file, which costs a microsecond and survives the process.
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

_COUNT = struct.Struct("<q")
_STAMP = struct.Struct("<qqqq")

Stamp = tuple[int, int, int, int]


class Stamps:
    """Writes stamps of four numbers to the file at `path`, up to `most`; further ones are dropped, and counted.

    A process that finds stamps there goes on behind them. Not for two writers at once.
    """

    def __init__(self, path: Path, most: int = 100_000) -> None:
        size = _COUNT.size + most * _STAMP.size
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, size)
            self._memory = mmap.mmap(descriptor, size)
        finally:
            os.close(descriptor)
        self._most = most
        (self._count,) = _COUNT.unpack_from(self._memory)

    def add(self, first: int, second: int, third: int = 0, fourth: int = 0) -> None:
        """One stamp more."""
        if self._count < self._most:
            _STAMP.pack_into(self._memory, _COUNT.size + self._count * _STAMP.size, first, second, third, fourth)
        self._count += 1
        _COUNT.pack_into(self._memory, 0, self._count)


class Reader:
    """Reads stamps while they are written; their file may come into being later."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def new(self) -> list[Stamp]:
        """What was written since the last call, in order. ValueError where stamps were dropped."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            (count,) = _COUNT.unpack(file.read(_COUNT.size))
            most = (os.fstat(file.fileno()).st_size - _COUNT.size) // _STAMP.size
            if count > most:
                raise ValueError(f"{count - most} stamps were dropped at {self._path}: give Stamps a larger `most`")
            file.seek(_COUNT.size + self._read * _STAMP.size)
            content = file.read((count - self._read) * _STAMP.size)
        self._read = count
        return list(_STAMP.iter_unpack(content))
