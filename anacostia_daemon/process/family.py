"""The family of a node process: everything that carries its mark, everything below it in the process tree, and
everything in the session or group that it leads. Nobody is dead until the whole family is (law 7).

One way alone does not find all: `env -i` drops the mark, a double fork leaves the tree, setsid leaves the session.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable

from anacostia_daemon.process.handle import ProcessHandle, hold
from anacostia_daemon.process.identity import TOLERANCE, Facts, facts
from anacostia_daemon.process.marks import Mark, mark_of, pids


def family(
    mark: Mark, leader: int | None = None, started: float | None = None, none_before: float = 0.0
) -> list[Facts]:
    """The living members. `leader` is the node's own pid, alive or not; `started` tells it from a later namesake.

    `none_before`: nobody who began before it is a member, so that most environments need not be read.
    """
    table = [found for pid in pids() if (found := facts(pid)) is not None]
    living = {each.pid: each for each in table if not each.zombie and each.pid != os.getpid()}
    if leader is not None and _is_namesake(facts(leader), started):
        leader = None
    members = {pid for pid, each in living.items() if each.started >= none_before and mark_of(pid) == mark}
    if leader is not None:
        members |= {pid for pid, each in living.items() if leader in (pid, each.session, each.group)}
    _add_descendants(members, living)
    return [living[pid] for pid in sorted(members)]


def kill(members: Iterable[Facts]) -> list[ProcessHandle]:
    """SIGKILL to each; the holds on those that were still there tell when they are gone. Close them."""
    handles = []
    for member in members:
        handle = hold(member.pid, member.started)
        if handle is None:
            continue
        handle.send(signal.SIGKILL)
        handles.append(handle)
    return handles


def _is_namesake(found: Facts | None, started: float | None) -> bool:
    """Whether the leader's pid has passed to a stranger; its session and group are then the stranger's."""
    return found is not None and started is not None and abs(found.started - started) >= TOLERANCE


def _add_descendants(members: set[int], living: dict[int, Facts]) -> None:
    children: dict[int, list[int]] = {}
    for each in living.values():
        children.setdefault(each.parent, []).append(each.pid)
    waiting = list(members)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in members:
                members.add(child)
                waiting.append(child)
