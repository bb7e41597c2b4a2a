"""Cuts a byte stream into frames: four bytes of length (big endian), then so many bytes. Holds no socket."""

from __future__ import annotations

import struct

from node_sdk.errors import BadMessage
from node_sdk.wire.codec import MAX_MESSAGE

_LENGTH = struct.Struct(">I")


def frame(data: bytes) -> bytes:
    """`data` with its length in front."""
    if len(data) > MAX_MESSAGE:
        raise BadMessage(f"cannot send a frame of {len(data)} bytes: at most {MAX_MESSAGE} are allowed")
    return _LENGTH.pack(len(data)) + data


class FrameReader:
    """Give it bytes as they arrive; it returns the frames that are complete. `limit` bounds one frame."""

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self._buffer = bytearray()
        self.limit = limit

    def feed(self, data: bytes) -> list[bytes]:
        """The frames completed by `data`; BadMessage where a length is over the limit: close that connection."""
        self._buffer += data
        frames = []
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > self.limit:
                raise BadMessage(f"cannot read a frame of {length} bytes: at most {self.limit} are allowed")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                break
            frames.append(bytes(self._buffer[_LENGTH.size : end]))
            del self._buffer[:end]
        return frames
