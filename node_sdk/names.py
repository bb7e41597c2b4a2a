"""What a pipeline or a node may be called: names end up in socket paths, file names and commands. And how long such a
path may be, and what daemon and nodes must call alike."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from node_sdk.errors import InvalidPipeline

MAX_NAME = 64
HISTORY = "history"  # file among those of a pipeline; see node_sdk.runtime.history
MAX_SOCKET_PATH = 103 if sys.platform == "darwin" else 107  # bytes; sun_path without its closing zero
_LEGAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z")


def script_name(file: str) -> str:
    """What a pipeline is called that the script `file` builds: its stem, with what a name may not have replaced."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(file).stem).lstrip("-.")[:MAX_NAME] or "pipeline"


def check_name(name: object, what: str) -> str:
    """Return `name` when it is legal for a `what` ('node', 'pipeline'); raise InvalidPipeline when not."""
    if not isinstance(name, str):
        raise InvalidPipeline(f"cannot name a {what} {name!r}: a name is a string, not {type(name).__name__}")
    if not _LEGAL.match(name) or name in {".", ".."}:
        raise InvalidPipeline(
            f"cannot name a {what} {name!r}: a name has 1 to {MAX_NAME} letters, digits, '_', '-' or '.', "
            "and begins with a letter, a digit or '_'"
        )
    return name
