"""Who descends from a process, as the kernel keeps it: without a look at every process of the machine. Linux only.

What a node started and left behind falls to the subreaper above it, its loader, for as long as that lives. So while
it does, a family is found below it, however many processes the machine has.
"""

from __future__ import annotations

import os
from collections.abc import Collection

from node_sdk.osprocess import LINUX

_ATTEMPTS = 5  # to read a list twice the same
_PAGES = 1 << 16  # bytes


def below(ancestor: int, but: Collection[int] = ()) -> list[int] | None:
    """Pids of all that descend from `ancestor`, zombies too, but for the children of it that are named in `but`, and
    what is below those. None where the system does not tell, or not for certain."""
    found: list[int] = []
    waiting = [ancestor]
    while waiting:
        children = _children_for_certain(waiting.pop())
        if children is None:
            return None
        fresh = [each for each in children if each not in but]
        found += fresh
        waiting += fresh
    return found


def _children_for_certain(pid: int) -> list[int] | None:
    """The kernel may pass over a child while another one ends; a list that was read twice the same has no gap."""
    if not LINUX:
        return None
    before = _children(pid)
    for _ in range(_ATTEMPTS):
        now = _children(pid)
        if now == before:
            return now
        before = now
    return None


def _children(pid: int) -> list[int] | None:
    """Of all threads of `pid`; [] where it is gone, None where the kernel keeps no such lists."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208  (names, not paths)
    except OSError:
        return []
    found: list[int] = []
    for thread in threads:
        try:
            found += map(int, _read(f"/proc/{pid}/task/{thread}/children").split())
        except FileNotFoundError:
            if os.path.exists(f"/proc/{pid}/task/{thread}"):  # noqa: PTH110
                return None
        except OSError:
            continue
    return found


def _read(path: str) -> bytes:
    """All of it: a read gives no more than a page. Bare system calls, for this stands between an end and a start."""
    parts = []
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while part := os.read(fd, _PAGES):
            parts.append(part)
    finally:
        os.close(fd)
    return b"".join(parts)
