"""How much memory a node and all that it started use together, found out so cheaply that it can be asked every second.

The whole process table is not walked (process/family.py does that once, when a node has died): the tree below the
node is, its control group where it has one, and what fell to the node's loader or to the daemon when its parent died.

Resident sizes are added first: they are cheap, and count what is shared with the loader in full, so never too little.
Only where that is too much, the proportional sizes are added, which count what N processes share to each as one Nth.
Those cost the kernel a walk through all pages, so they are added again only when enough was added to the resident ones,
or after some looks: what was shared and is written to becomes a process's own without adding anything.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path

from anacostia_daemon.process import cgroup
from anacostia_daemon.process.marks import Mark, mark_of
from anacostia_daemon.process.usage import usage
from node_sdk.osprocess import LINUX, facts

_LOOKS = 10  # without the proportional sizes being added again


@dataclass(slots=True)
class _Weighed:
    resident: int
    proportional: int
    looks: int = 0


class Scales:
    """Weighs families, each under a key of its own."""

    def __init__(self) -> None:
        self._last: dict[Hashable, _Weighed] = {}

    def used_above(self, key: Hashable, limit: int, pids: Collection[int]) -> int | None:
        """The bytes that these processes use together, where that is more than `limit`; else None."""
        resident = sum(found.rss_bytes for pid in pids if (found := usage(pid)) is not None)
        last = self._last.get(key)
        if resident <= limit:
            return None
        if last is not None and last.looks < _LOOKS and resident - last.resident < limit - last.proportional:
            last.looks += 1
            return None
        proportional = sum(_proportional(pid) for pid in pids)
        self._last[key] = _Weighed(resident, proportional)
        return proportional if proportional > limit else None

    def keep(self, keys: Collection[Hashable]) -> None:
        """Forget all families but these."""
        self._last = {key: value for key, value in self._last.items() if key in keys}


def relatives(head: int, mark: Mark, adopters: Iterable[int], known: Collection[int]) -> set[int]:
    """`head`, all below it, and those of its mark that fell to `adopters`. `known` are heads and loaders: whose
    children they are is no secret, and their marks need not be read."""
    if not LINUX:
        return _below_elsewhere(head)
    found = _below({head, *cgroup.members(mark)})
    orphans = {each for adopter in adopters for each in children(adopter)} - found - set(known)
    return found | _below({each for each in orphans if _is_of(each, head, mark)})


def _is_of(pid: int, head: int, mark: Mark) -> bool:
    """By its mark, or where it has dropped that, by its session. The head lives, so its number is nobody else's."""
    found = facts(pid)
    return mark_of(pid) == mark or (found is not None and found.session == head)


def children(pid: int) -> set[int]:
    """The children of a process, of all its threads; none where it is gone. While others of them end, the system may
    pass one over: the next look finds it."""
    found: set[int] = set()
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208  (names, not paths)
    except OSError:
        return found
    for thread in threads:
        with contextlib.suppress(OSError):  # this thread has ended
            # Read to its end: one read gives no more than a page, and a daemon may have a thousand children.
            found.update(map(int, Path(f"/proc/{pid}/task/{thread}/children").read_bytes().split()))
    return found


def _below(tops: set[int]) -> set[int]:
    found, waiting = set(tops), list(tops)
    while waiting:
        new = children(waiting.pop()) - found
        found |= new
        waiting += new
    return found


def _proportional(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return next(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith("Pss:"))
    except (OSError, StopIteration):  # it is gone, or the kernel (before 4.14) cannot tell
        found = usage(pid)
        return 0 if found is None else found.rss_bytes


def _below_elsewhere(head: int) -> set[int]:
    import psutil

    try:
        return {head, *(each.pid for each in psutil.Process(head).children(recursive=True))}
    except (psutil.Error, OSError):
        return set()
