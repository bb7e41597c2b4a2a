"""A control group of its own for each node (Linux, cgroup v2), where one is delegated to whoever started the daemon.

Nobody leaves it by emptying its environment, changing its session or losing its parent: so what a node started is
found when nothing else finds it. Only a group that says that it is delegated is touched (systemd: Delegate=yes); all
others are their manager's, also where we could write to them.
"""

from __future__ import annotations

import contextlib
import os
import sys
from functools import cache
from pathlib import Path

_DELEGATED = ("user.delegate", "trusted.delegate")  # attributes that systemd sets, and whoever else delegates a group

_BESIDE = ".control"  # where systemd runs the other commands of a service whose group is delegated (ExecStopPost=)


def delegated(pid: int | None = None) -> Path | None:
    """The folder of the group of this process (or of `pid`), where it is ours to divide."""
    if not sys.platform.startswith("linux"):
        return None
    with contextlib.suppress(OSError, ValueError):
        own = _own("self" if pid is None else str(pid))
        if own is not None and own.name == _BESIDE:
            own = own.parent
        if own is not None and _is_delegated(own):
            return own
    return None


@cache
def root() -> Path | None:
    """As `delegated`, looked up once: what is forked from here begins in the same group."""
    return delegated()


def group_of(root: Path, mark: str) -> Path:
    """The folder of the group of the node with this mark. `root` is the group that its loader was started in."""
    return root / f"anacostia:{mark.strip().replace('/', ':')}"


def enter(mark: str) -> None:
    """Move this process, and with it all that it will start, into the node's group. Nothing happens where none can
    be had: the mark, the tree and the session find nearly all of a family without it."""
    group_root = root()
    if group_root is None:
        return
    with contextlib.suppress(OSError):
        group = group_of(group_root, mark)
        group.mkdir(exist_ok=True)
        (group / "cgroup.procs").write_text("0")


def _own(process: str) -> Path | None:
    lines = Path(f"/proc/{process}/cgroup").read_text().splitlines()
    path = next((line[3:] for line in lines if line.startswith("0::")), None)
    if path is None or path.startswith("/.."):
        return None  # outside of what this process may see
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        root, point = before.split()[3:5]
        if after.split()[0] == "cgroup2" and (path + "/").startswith(root.rstrip("/") + "/"):
            return Path(point) / path[len(root.rstrip("/")) :].lstrip("/")
    return None


def _is_delegated(group: Path) -> bool:
    for name in _DELEGATED:
        with contextlib.suppress(OSError):
            if os.getxattr(group, name) == b"1":
                return True
    return False
