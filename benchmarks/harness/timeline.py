"""What processes ask of the kernel, and when, seen from outside by perf: a microsecond per event, where strace takes
dozens. Moments are those of time.monotonic().
"""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.daemon import short_folder

_LINE = re.compile(r"\s*(\d+)/(\d+)\s+([\d.]+):\s+\w+:(\w+):\s*(.*)")
_WARM = 0.5  # seconds until perf listens


class NoTimeline(Exception):
    """Nothing can be seen from outside; the message says why."""


@dataclass(frozen=True)
class Event:
    """Of process `pid`: `name` as the kernel calls it ('sys_exit_wait4'), `text` its arguments or its result."""

    at: float
    pid: int
    tid: int
    name: str
    text: str

    @property
    def result(self) -> int:
        """What a system call returned (of a sys_exit_… event); negative for an error."""
        value = int(self.text, 16)
        return value - 2**64 if value >= 2**63 else value


class Timeline:
    """The events of all processes; to be read when the block of `timeline` has ended."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def between(self, begin: float, end: float) -> list[Event]:
        """In their order."""
        return [each for each in self.events if begin <= each.at <= end]


@contextlib.contextmanager
def timeline(events: Sequence[str]) -> Iterator[Timeline]:
    """Record `events` ('syscalls:sys_enter_fdatasync', …) of the whole machine; NoTimeline where that cannot be."""
    if shutil.which("perf") is None:
        raise NoTimeline("perf is not installed (Debian: linux-perf), so it was not looked where the time goes")
    with short_folder() as folder:
        kept = folder / "perf"
        chosen = [word for each in events for word in ("-e", each)]
        command = ["perf", "record", "-q", "-a", "-k", "CLOCK_MONOTONIC", "-o", str(kept), *chosen]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as perf:
            time.sleep(_WARM)
            if perf.poll() is not None:
                raise NoTimeline(f"perf may not look at the machine: {_last_line(perf)}")
            found = Timeline()
            try:
                yield found
            finally:
                perf.send_signal(signal.SIGINT)
        found.events = _read(kept)


def _last_line(perf: subprocess.Popen[str]) -> str:
    assert perf.stderr is not None
    return " ".join(perf.stderr.read().split("\n")[-2:]).strip() or "it ended at once"


def _read(kept: Path) -> list[Event]:
    command = ["perf", "script", "-i", str(kept), "--ns", "-F", "pid,tid,time,event,trace"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = filter(None, map(_LINE.match, said.splitlines()))
    found = [
        Event(float(at), int(pid), int(tid), name, text.strip()) for pid, tid, at, name, text in map(_groups, lines)
    ]
    return sorted(found, key=lambda each: each.at)


def _groups(line: re.Match[str]) -> tuple[str, str, str, str, str]:
    pid, tid, at, name, text = line.groups()
    return pid, tid, at, name, text
