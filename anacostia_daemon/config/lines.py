"""In which line of a TOML file a key or table stands, for error messages; the parser does not say.

A key stands where the file, cut off after a line, begins to have it. Cut off in the middle of a value it cannot be
read; then the cut is moved on. So strings, arrays and dotted keys need no second parser.
"""

from __future__ import annotations

import bisect
import tomllib
from collections.abc import Sequence
from typing import Any


def line_of(text: str, path: Sequence[str]) -> int | None:
    """The number of the line, from 1; None where the path is not in `text`."""
    lines = text.splitlines(keepends=True)
    cuts = range(1, len(lines) + 1)
    found = bisect.bisect_left(cuts, True, key=lambda cut: _has(_whole(lines, cut), path))
    return cuts[found] if found < len(cuts) else None


def _whole(lines: list[str], cut: int) -> dict[str, Any]:
    """What the first lines say: `cut` of them, or the fewest more that can be read."""
    for end in range(cut, len(lines) + 1):
        try:
            return tomllib.loads("".join(lines[:end]))
        except (ValueError, RecursionError):
            continue
    return {}


def _has(tree: Any, path: Sequence[str]) -> bool:
    for name in path:
        if not isinstance(tree, dict) or name not in tree:
            return False
        tree = tree[name]
    return True
