"""Puts the limits of a node on its process, before any code of the user runs in it; all that it starts inherits them.

What cannot be put on is said and ends the process: a node without the limit that somebody asked for would be worse
than none. `memory_limit` is the daemon's to watch: no limit of the system's counts a whole family.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from node_sdk.policy import UNLIMITED, Limits


class CannotLimit(Exception):
    """A limit cannot be put on this process; the message says which, why, and what to do."""


def put_on(limits: Limits, node: str) -> None:
    """Put `limits` on this process, node `node`. Raises CannotLimit."""
    if limits.umask is not None:
        os.umask(limits.umask)
    # The limits of setrlimit come last: one on files or memory may be in the way of the others.
    steps: list[tuple[str, object, Callable[[], object]]] = [
        ("oom_score_adj", limits.oom_score_adj, lambda: _oom_score_adj(limits.oom_score_adj or 0)),
        ("nice", limits.nice, lambda: _nice(limits.nice or 0)),
        ("cpus", limits.cpus, lambda: _cpus(limits.cpus or ())),
        *((f"rlimit {name}", value, _rlimit(name, value)) for name, value in limits.rlimits.items()),
    ]
    for name, value, step in steps:
        if value is None:
            continue
        try:
            step()
        except (OSError, ValueError, NotImplementedError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise CannotLimit(
                f"cannot limit node {node!r} to {name} {_shown(value)}: {why}{_way_out(error)}"
            ) from error


def _oom_score_adj(value: int) -> None:
    if not sys.platform.startswith("linux"):
        raise NotImplementedError("only Linux has it")
    Path("/proc/self/oom_score_adj").write_text(str(value))


def _nice(value: int) -> None:
    _on_each_thread(lambda thread: os.setpriority(os.PRIO_PROCESS, thread, value))


def _cpus(cpus: tuple[int, ...]) -> None:
    if not sys.platform.startswith("linux"):
        raise NotImplementedError("only Linux has it")
    missing = set(cpus) - os.sched_getaffinity(0)
    if missing:  # the system would take those that it has, and say nothing of the others
        raise ValueError(f"the daemon may use CPUs {_listed(os.sched_getaffinity(0))} only")
    _on_each_thread(lambda thread: os.sched_setaffinity(thread, cpus))


def _on_each_thread(put: Callable[[int], None]) -> None:
    """What the system keeps by thread is put on each: a process that stood by has some already."""
    put(0)  # this one, which is the parent of all that the user's code starts
    if not sys.platform.startswith("linux"):
        return
    for each in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            put(int(each.name))


def _rlimit(name: str, value: int) -> Callable[[], None]:
    def put() -> None:
        number = getattr(resource, f"RLIMIT_{name.upper()}", None)
        if number is None:
            raise NotImplementedError("this system has none of that name")
        each = resource.RLIM_INFINITY if value == UNLIMITED else value
        resource.setrlimit(number, (each, each))

    return put


def _shown(value: object) -> str:
    if value == UNLIMITED:
        return "unlimited"
    return _listed(value) if isinstance(value, tuple) else str(value)


def _listed(numbers: object) -> str:
    return ", ".join(map(str, sorted(numbers)))  # type: ignore[call-overload]


def _way_out(error: Exception) -> str:
    if isinstance(error, PermissionError) or "not allowed to raise" in str(error):
        return "; that needs privileges which the daemon does not have: start it with them, or ask for less"
    return ""
