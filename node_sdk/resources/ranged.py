"""An object as a file: read as it comes, from any position, and on from where a connection broke. Knows no protocol."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import Any, Protocol

TRIES = 3  # at one position


class Stream(Protocol):
    """What comes after a position."""

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> Any: ...


class RangedFile(io.RawIOBase):
    """`size` bytes. `fetch(position)` gives a stream of what follows; it sees to it that it is always the same object.

    `broken`: the errors of a stream that ended early; it is fetched again from there.
    """

    def __init__(self, size: int, fetch: Callable[[int], Stream], broken: tuple[type[Exception], ...]) -> None:
        self._size, self._fetch, self._broken = size, fetch, broken
        self._at = 0
        self._stream: Stream | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        to = max(start + offset, 0)
        if to != self._at:
            self._drop()
        self._at = to
        return to

    def readinto(self, buffer: Any, /) -> int:
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        piece = self._read(wanted)
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        self._drop()
        super().close()

    def _read(self, wanted: int) -> bytes:
        for left in reversed(range(TRIES)):
            try:
                if self._stream is None:
                    self._stream = self._fetch(self._at)
                piece = self._stream.read(wanted)
            except self._broken:
                self._drop()
                if not left:
                    raise
                continue
            if piece:
                return piece
            self._drop()  # it ended before the object did
        raise EOFError(f"the object ended at byte {self._at} of {self._size}")

    def _drop(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
