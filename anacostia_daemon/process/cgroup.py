"""The control group of a node, where it has one (node_sdk.cgroup.py): who is in it, and its end.

A daemon that runs in another group than the one before it finds none of that one's; the other ways remain.
"""

from __future__ import annotations

import contextlib
from functools import cache
from pathlib import Path

from anacostia_daemon.process.marks import Mark
from node_sdk.cgroup import delegated, group_of

_root = cache(delegated)


def members(mark: Mark) -> set[int]:
    """The pids in the node's group and in those below it."""
    found: set[int] = set()
    group = _group(mark)
    if group is not None:
        for path in group.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                found.update(map(int, path.read_text().split()))
    return found


def kill(mark: Mark) -> None:
    """SIGKILL to all of it at once: nobody forks away in between. No-op where the kernel (before 5.14) cannot."""
    group = _group(mark)
    if group is not None:
        with contextlib.suppress(OSError):
            (group / "cgroup.kill").write_text("1")


def remove(mark: Mark) -> None:
    """Nobody is in it any more. One that cannot go yet (a zombie is in it) goes with the node's next."""
    root = _root()
    if root is None:
        return
    group = group_of(root, str(mark))
    for each in root.glob(f"{group.name.rpartition(':')[0]}:*"):
        for folder in (*sorted((path for path in each.rglob("*") if path.is_dir()), reverse=True), each):
            with contextlib.suppress(OSError):
                folder.rmdir()


def _group(mark: Mark) -> Path | None:
    root = _root()
    return None if root is None else group_of(root, str(mark))
