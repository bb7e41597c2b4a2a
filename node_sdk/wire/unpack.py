"""Bytes to plain values, bounded: the one place where msgpack is read (law 10). What they must be, codec.py knows.

Imports nothing but msgpack: whoever needs no more than one plain answer starts in no time.
"""

from __future__ import annotations

import itertools

import msgpack

TYPE_CHECKING = False  # as `typing` has it, whose import takes 3 ms
if TYPE_CHECKING:
    from typing import Any

MAX_MESSAGE = 16 * 1024 * 1024  # bytes; one message, on any socket
# Lists and maps in one message, and members of one of them: each may be a byte here, and 80 in memory.
MAX_NODES = 2**18
SMALL = 64 * 1024  # bytes; so short a message cannot hold enough of them to do harm, and is not counted


def unpacked(data: bytes | memoryview) -> Any:
    """The value in `data`; whatever is wrong with it is an exception of msgpack's or a ValueError."""
    limits: dict[str, Any] = {"max_array_len": min(len(data), MAX_NODES), "max_map_len": min(len(data), MAX_NODES)}
    if len(data) > SMALL:
        numbers = itertools.count(1)

        def count(each: Any) -> Any:
            if next(numbers) > MAX_NODES:
                raise ValueError(f"more than {MAX_NODES} lists and maps")
            return each

        limits.update(list_hook=count, object_hook=count)
    return msgpack.unpackb(data, raw=False, strict_map_key=True, ext_hook=_no_extension, **limits)


def _no_extension(code: int, data: bytes) -> Any:
    raise ValueError(f"extension type {code}")
