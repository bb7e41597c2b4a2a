"""The family of a node process: everything that carries its mark, everything below it in the process tree, everything
in the session or group that it leads, and in its control group where it has one. Nobody is dead until the whole family
is (law 7).

One way alone does not find all: `env -i` drops the mark, a double fork leaves the tree, setsid leaves the session.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass

from anacostia_daemon.process import cgroup
from anacostia_daemon.process.handle import ProcessHandle, hold
from anacostia_daemon.process.identity import TOLERANCE
from anacostia_daemon.process.marks import Mark, mark_of
from node_sdk.osprocess import Facts, facts, pids


@dataclass(frozen=True, slots=True)
class Head:
    """The node's own process, alive or not; `started` tells it from a later namesake.

    `unseen`: it died at some time while nobody watched. Its number may have passed on since to somebody who left a
    session of that number behind.
    """

    pid: int
    started: float | None
    unseen: bool = False


def family(
    mark: Mark, head: Head | None = None, none_before: float = 0.0, among: Iterable[int] | None = None
) -> list[Facts]:
    """The living members. `none_before`: nobody who began before it is one, so that most environments need not be
    read. `among`: nobody else can be one; None: look at every process."""
    table = [found for pid in (pids() if among is None else among) if (found := facts(pid)) is not None]
    living = {each.pid: each for each in table if not each.zombie and each.pid != os.getpid()}
    members = {pid for pid, each in living.items() if each.started >= none_before and mark_of(pid) == mark}
    if head is not None:
        members |= _led_by(head, members, living)
    members |= cgroup.members(mark) & living.keys()
    _add_descendants(members, living)
    return [living[pid] for pid in sorted(members)]


def _led_by(head: Head, marked: set[int], living: dict[int, Facts]) -> set[int]:
    """Itself, its session and its group."""
    if _is_namesake(facts(head.pid), head.started):
        return set()
    led = {pid for pid, each in living.items() if head.pid in (pid, each.session, each.group)}
    # The system gives no number away while a session or a group has it: one marked member vouches for all.
    return led if not head.unseen or led & marked else set()


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
