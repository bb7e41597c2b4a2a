"""Lines for the systemd journal: the priority of each stands before it as `<N>`; the time is the journal's own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal

Level = Literal["error", "warning", "notice", "info"]

_PRIORITIES: dict[Level, int] = {"error": 3, "warning": 4, "notice": 5, "info": 6}  # of syslog(3)


def is_journal(fd: int, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether what is written to `fd` goes to the journal. The variable alone says nothing: it is inherited, also by
    those whose output goes elsewhere."""
    stream = environ.get("JOURNAL_STREAM")
    if not stream:
        return False
    try:
        found = os.fstat(fd)
    except OSError:
        return False
    return stream == f"{found.st_dev}:{found.st_ino}"


def prefixed(text: str, level: Level) -> str:
    """`text` with its priority before each line: a line without one would be an event of its own, of another level."""
    return "".join(f"<{_PRIORITIES[level]}>{line}\n" for line in text.splitlines() or [""])
