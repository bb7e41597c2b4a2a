"""The name of a file inside its folder as text that every store can keep, and back.

A name is kept as it is, relative and with `/`. One whose bytes are no UTF-8 is kept percent-encoded behind `bytes:`,
so that it survives messages and databases and is found again.
"""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from urllib.parse import quote_from_bytes, unquote_to_bytes

from node_sdk.errors import InvalidValue

_ENCODED = "bytes:"


def to_location(relative: str) -> str:
    """The location of the file at `relative` (as os.fsdecode gives it)."""
    try:
        relative.encode()
        plain = not relative.startswith(_ENCODED)
    except UnicodeEncodeError:
        plain = False
    return relative if plain else _ENCODED + quote_from_bytes(os.fsencode(relative))


def to_relative(location: str) -> str:
    """The reverse of to_location."""
    if not location.startswith(_ENCODED):
        return location
    return os.fsdecode(unquote_to_bytes(location.removeprefix(_ENCODED)))


def check_inside(location: str, resource: str) -> str:
    """`location` when it names a file inside its resource; InvalidValue when it leads elsewhere."""
    path = PurePosixPath(location)
    if not location or location.endswith("/") or path.is_absolute() or ".." in path.parts or "\0" in location:
        raise InvalidValue(
            f"cannot use {location!r} as an artifact of resource {resource!r}: give a path relative to its folder, "
            "without '..'"
        )
    return str(path)
