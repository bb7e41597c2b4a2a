"""Alters a message and not its bytes: one field of it gets a value that it should not have, or goes. What mutates bytes
alone seldom comes past msgpack, which is compiled, and guides nobody through it."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from typing import Any

import msgpack

VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 2, 2**31, 2**63 - 1, 2**63, 2**64 - 1, -(2**63), 0.5, -0.0, 1e308),
    *(float("inf"), float("nan"), "", "\0", "x" * 300, "é\u2028", "a/../b", "*", b"", b"\xff" * 9, [], {}),
    *([[]], {"": None}, "files", "train", "store", "nobody", "@operator", "new", "current", "old", "error"),
    *("succeeded", "all", "id", "runs", "artifacts", "run_id", "Hello", "Complete", "Select", "Due", "GraphSpec"),
)  # fmt: skip


def alter(data: bytes, dice: random.Random) -> bytes:
    """`data`, a message or a stream of one frame, otherwise in one to three places; as it is where it is neither."""
    head, body = (b"", data) if data[:1] >= b"\x80" else (data[:1], data[5:])
    try:
        content = msgpack.unpackb(body, raw=False)
        for _ in range(dice.randint(1, 3)):
            _alter_one(list(_places(content)), dice)
        body = msgpack.packb(content)
    except Exception:
        return data
    return head + struct.pack(">I", len(body)) + body if head else body


def _alter_one(places: list[tuple[Any, Any]], dice: random.Random) -> None:
    holder, key = dice.choice(places)
    kind = dice.randrange(8)
    if kind == 0:
        del holder[key]
    elif kind == 1:
        other, name = dice.choice(places)
        holder[key] = other[name]
    elif kind == 2 and isinstance(holder, dict):
        holder[dice.choice([each for each in VALUES if isinstance(each, str)])] = holder[key]
    else:
        holder[key] = dice.choice(VALUES)


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    keys = content if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    for key in keys:
        yield content, key
        yield from _places(content[key])
