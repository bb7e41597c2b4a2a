"""Where the time of a restart goes, from what its processes ask of the kernel. The parts follow one another, and add up
to the whole; time that the daemon or the store waits for the disk is counted apart.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from benchmarks import ready
from benchmarks.harness import Daemon
from benchmarks.harness.timeline import Event, timeline

EVENTS = (
    "syscalls:sys_exit_wait4",
    "syscalls:sys_enter_fdatasync",
    "syscalls:sys_exit_fdatasync",
    "syscalls:sys_enter_clone",
    "syscalls:sys_enter_bind",
    "sched:sched_process_fork",
)

ENDS = "old process ends, loader reaps it"
DAEMON = "daemon: hears, clears the family, decides"
JOURNAL = "journal: on disk"
FORK = "fork"
CHILD = "child: becomes a node, opens its sockets"
HELLO = "hello to the store, setup(), ready"
STORE = "store: hello on disk"


def restart_parts(ours: Daemon, pipeline: str, node: str, times: int) -> dict[str, float]:
    """Milliseconds of each part, medians of `times` restarts; NoTimeline where nothing can be seen."""
    daemon, loader = ours.pid, ours.loader_pid(pipeline)
    store = ours.node(pipeline, "store")["pid"]
    with timeline(EVENTS) as seen:
        kills = [ready.kill(ours, pipeline, node) for _ in range(times)]
    found = []
    for kill in kills:
        parts = of_one(seen.between(kill.at, kill.ready), kill, daemon, loader, store)
        if parts is not None:
            found.append(parts)
    return {part: statistics.median(each[part] for each in found) for part in found[0]} if found else {}


def of_one(events: Sequence[Event], kill: ready.Kill, daemon: int, loader: int, store: int) -> dict[str, float] | None:
    """The parts of one restart; None where the processes went another way than expected."""
    try:
        reaped = next(each.at for each in _of(events, loader, "sys_exit_wait4", kill.at) if each.result > 0)
        clone = next(_of(events, loader, "sys_enter_clone", reaped)).at
        forked = next(_of(events, loader, "sched_process_fork", clone))
        child = int(forked.text.rpartition("child_pid=")[2])
        bound = next(_of(events, child, "sys_enter_bind", forked.at)).at
    except StopIteration:
        return None
    journal = _in_disk(events, daemon, reaped, clone)
    hello = _in_disk(events, store, bound, kill.ready)
    seconds = {
        ENDS: reaped - kill.at,
        DAEMON: clone - reaped - journal,
        JOURNAL: journal,
        FORK: forked.at - clone,
        CHILD: bound - forked.at,
        HELLO: kill.ready - bound - hello,
        STORE: hello,
    }
    return {part: took * 1000 for part, took in seconds.items()}


def _of(events: Sequence[Event], pid: int, name: str, after: float) -> Iterator[Event]:
    """What `pid` did of that name after a moment."""
    return (each for each in events if each.pid == pid and each.name == name and each.at > after)


def _in_disk(events: Sequence[Event], pid: int, begin: float, end: float) -> float:
    """Seconds that `pid` waited for the disk between two moments."""
    waited, since = 0.0, None
    for each in events:
        if each.pid == pid and begin <= each.at <= end:
            if each.name == "sys_enter_fdatasync":
                since = each.at
            elif each.name == "sys_exit_fdatasync" and since is not None:
                waited, since = waited + each.at - since, None
    return waited
