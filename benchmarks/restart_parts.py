"""Where the time of a restart goes, from what its processes ask of the kernel. The parts follow one another, and add up
to the whole; time that the daemon waits for the disk is counted apart.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks import ready
from benchmarks.harness import Daemon
from benchmarks.harness.timeline import Event, timeline

EVENTS = (
    "syscalls:sys_exit_wait4",
    "syscalls:sys_enter_fdatasync",
    "syscalls:sys_exit_fdatasync",
    "syscalls:sys_enter_sendto",
    "syscalls:sys_exit_recvfrom",
)

ENDS = "old process ends, its memory is given back"
LOADER = "loader: reaps it, names the next"
DAEMON = "daemon: hears, clears the family, decides"
JOURNAL = "journal: on disk"
CHILD = "child: becomes the node, opens its inbox, says hello"
STORE = "store: writes it down, answers"
READY = "child: setup(), ready"


def restart_parts(ours: Daemon, pipeline: str, node: str, times: int) -> dict[str, float]:
    """Milliseconds of each part, medians of `times` restarts; NoTimeline where nothing can be seen."""
    return parts_of(ours, pipeline, [lambda: ready.kill(ours, pipeline, node)] * times)


def parts_of(
    ours: Daemon, pipeline: str, samples: Sequence[Callable[[], ready.Kill]], last: str = READY
) -> dict[str, float]:
    """As `restart_parts`, of `samples` that each kill a node; `last` is what comes after the store's answer."""
    daemon, loader = ours.pid, ours.loader_pid(pipeline)
    store = ours.node(pipeline, "store")["pid"]
    with timeline(EVENTS) as seen:
        kills = [kill() for kill in samples]
    found = []
    for kill in kills:
        parts = of_one(seen.between(kill.at, kill.ready), kill, daemon, loader, store, last)
        if parts is not None:
            found.append(parts)
    return {part: statistics.median(each[part] for each in found) for part in found[0]} if found else {}


def in_words(parts: Mapping[str, float]) -> str:
    """The parts, largest first."""
    return ", ".join(f"{part} {took:.2f} ms" for part, took in sorted(parts.items(), key=lambda each: -each[1]))


def of_one(
    events: Sequence[Event], kill: ready.Kill, daemon: int, loader: int, store: int, last: str = READY
) -> dict[str, float] | None:
    """The parts of one restart; None where the processes went another way than expected."""
    try:
        reaped = next(each.at for each in _of(events, loader, "sys_exit_wait4", kill.at) if each.result > 0)
        told = next(_of(events, loader, "sys_enter_sendto", reaped)).at
        decided = next(_of(events, daemon, "sys_enter_sendto", told)).at
        named = next(_of(events, loader, "sys_enter_sendto", decided)).at
        greeted = next(each.at for each in _of(events, store, "sys_exit_recvfrom", named) if each.result > 0)
        answered = next(_of(events, store, "sys_enter_sendto", greeted)).at
    except StopIteration:
        return None
    journal = _in_disk(events, daemon, told, decided)
    seconds = {
        ENDS: reaped - kill.at,
        LOADER: told - reaped + named - decided,
        DAEMON: decided - told - journal,
        JOURNAL: journal,
        CHILD: greeted - named,
        STORE: answered - greeted,
        last: kill.ready - answered,
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
