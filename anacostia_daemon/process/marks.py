"""The mark that each process of a node carries in its environment, and so do all that it starts:
`HOME-HASH/PIPELINE/NODE/INCARNATION`, padded with spaces. Reading marks shows who lives, whoever its parent is now.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from node_sdk.osprocess import LINUX, proc_file

VARIABLE = "ANACOSTIA_MARK"
_KEY = f"{VARIABLE}=".encode()
_MOST = 256 * 1024  # bytes of an environment; loaders put the mark first in theirs
ROOM = 255  # a loader starts with so many spaces; what it forks writes its own mark over them, in place


@dataclass(frozen=True, slots=True)
class Mark:
    """Whose process it is."""

    home: str
    pipeline: str
    node: str
    incarnation: int

    def __str__(self) -> str:
        return f"{self.home}/{self.pipeline}/{self.node}/{self.incarnation}"

    @classmethod
    def read(cls, text: str) -> Mark | None:
        """The mark in `text`, None where it is none (a loader's own blank, for one)."""
        parts = text.strip().split("/")
        if len(parts) != 4 or not parts[3].isdigit():
            return None
        return cls(parts[0], parts[1], parts[2], int(parts[3]))


def pids() -> list[int]:
    """All process ids of the machine."""
    if LINUX:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208  (names, not paths)
    import psutil

    return psutil.pids()


def marks() -> Iterator[tuple[int, Mark]]:
    """Each process that carries a mark, zombies not (they have no environment any more)."""
    for pid in pids():
        mark = mark_of(pid)
        if mark is not None:
            yield pid, mark


def mark_of(pid: int) -> Mark | None:
    """The mark of `pid`; None without one, and where we may not look (another user's process is none of ours)."""
    text = _variable_linux(pid) if LINUX else _variable_elsewhere(pid)
    return None if text is None else Mark.read(text)


def _variable_linux(pid: int) -> str | None:
    environment = proc_file(pid, "environ", _MOST)
    if not environment:
        return None
    at = 0 if environment.startswith(_KEY) else environment.find(b"\0" + _KEY) + 1
    if at == 0 and not environment.startswith(_KEY):
        return None
    return environment[at + len(_KEY) :].split(b"\0", 1)[0].decode("ascii", "replace")


def _variable_elsewhere(pid: int) -> str | None:
    import psutil

    try:
        return psutil.Process(pid).environ().get(VARIABLE)
    except (psutil.Error, OSError):
        return None
