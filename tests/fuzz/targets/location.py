"""Locations of artifacts, as a database keeps them, and names of files, as a folder does: each comes back."""

from __future__ import annotations

import os

from node_sdk.resources.locations import to_location, to_relative

SEEDS = [to_location(os.fsdecode(name)).encode() for name in (b"a/b.txt", b"caf\xe9 \n.txt", b"bytes:x", b"b%41")]


def check(data: bytes) -> None:
    name = os.fsdecode(data)
    location = to_location(name)
    location.encode()  # text that every store can keep
    assert to_relative(location) == name
    to_relative(data.decode(errors="replace"))
