"""The mark that each process of a node carries in its environment, and so do all that it starts:
`HOME-HASH/PIPELINE/NODE/INCARNATION`, padded with spaces. Reading marks shows who lives, whoever its parent is now.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from node_sdk.osprocess import LINUX, pids, proc_file

VARIABLE = "ANACOSTIA_MARK"
_KEY = f"{VARIABLE}=".encode()
_MOST = 256 * 1024  # bytes of an environment; loaders put the mark first in theirs
_NUMBER = re.compile("[0-9]{1,18}")  # int() reads other digits too, and refuses very many: environments are anybody's
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
        if len(parts) != 4 or not _NUMBER.fullmatch(parts[3]):
            return None
        return cls(parts[0], parts[1], parts[2], int(parts[3]))


def marks() -> Iterator[tuple[int, Mark]]:
    """Each process that carries a mark, zombies not (they have no environment any more)."""
    for pid in pids():
        mark = mark_of(pid)
        if mark is not None:
            yield pid, mark


def mark_of(pid: int) -> Mark | None:
    """The mark of `pid`; None without one, and where we may not look (another user's process is none of ours)."""
    text = in_environment(proc_file(pid, "environ", _MOST) or b"") if LINUX else _variable_elsewhere(pid)
    return None if text is None else Mark.read(text)


def in_environment(environment: bytes) -> str | None:
    """The variable's value in an environment as Linux shows it; None where it is not there."""
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
