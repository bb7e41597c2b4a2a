"""100,000 small files, there already or moved in within seconds: time until all are claimed by a run, and how the peak
memory of each process grows meanwhile.
"""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.chain.chain import under_a_daemon
from benchmarks.chain.cost import Cost
from benchmarks.chain.stamps import Reader
from benchmarks.harness import Daemon, Figure, at_most, quick, rounds, take_turns
from benchmarks.harness.daemon import short_folder
from benchmarks.limits.flood import Watched, coming, there

FILES = 5_000 if quick() else 100_000
BOUND = 64.0  # MiB that a process may need more than at rest, however many files come


def measure() -> Iterator[Figure]:
    left: list[str] = []
    with files() as folder:
        rows = take_turns(
            {"anacostia": lambda: there_of_ours(folder, left), "limit": lambda: there_of_limit(folder)}, TIMES, 0
        )
        found = Figure("flood", f"{FILES:,} files are there as the resource starts → all claimed", "s", rows)
        yield dataclasses.replace(found, goals=[at_most("≤ 2 × the limit", found.of_limit("anacostia"), 2, left[-1])])
        grown: list[dict[str, float]] = []
        ways: dict[str, Callable[[], float]] = {
            "anacostia": lambda: coming_to_ours(folder, left, grown),
            "limit": lambda: coming_to_limit(folder),
        }
        rows = take_turns(ways, TIMES, 0)
    found = Figure("flood-coming", f"{FILES:,} files are moved in by another process → all claimed", "s", rows)
    worst = {name: max(each[name] for each in grown) for name in grown[0]}
    words = ", ".join(f"{name} {number:.0f}" for name, number in worst.items())
    goals = [
        at_most("≤ 2 × the limit", found.of_limit("anacostia"), 2, left[-1]),
        at_most(f"no process needs {BOUND:g} MiB more than at rest", max(worst.values()), BOUND, words),
    ]
    yield dataclasses.replace(found, goals=goals, notes=[f"growth of peak memory, MiB: {words}"])


TIMES = rounds(3, 1)


@contextlib.contextmanager
def files() -> Iterator[Path]:
    """A folder with all the files in it; whoever moves them away moves them back."""
    with short_folder() as folder:
        (folder / "files").mkdir()
        for number in range(FILES):
            (folder / "files" / f"{number}.txt").write_text(f"{number}\n")
        yield folder / "files"


def move(source: Path, target: Path) -> None:
    for each in os.listdir(source):
        os.rename(source / each, target / each)


@contextlib.contextmanager
def moving(source: Path, target: Path) -> Iterator[None]:
    """Another process begins to move all files; at the end they are moved back."""
    mover = multiprocessing.get_context("fork").Process(target=move, args=(source, target), daemon=True)
    mover.start()
    try:
        yield
    finally:
        mover.join()
        move(target, source)


def there_of_limit(folder: Path) -> float:
    with short_folder() as place:
        return there(folder, place / "files.db")


def there_of_ours(folder: Path, left: list[str]) -> float:
    """From `start PIPELINE/inbox` to the begin of execute() in the run that has claimed all."""
    with under_a_daemon(1, enough=FILES) as (chain, daemon):
        daemon.ctl("stop", "chain/inbox")
        move(folder, chain.inbox)
        began = time.monotonic_ns()
        daemon.ctl("start", "chain/inbox")
        chain.heard()
        left.append(Cost(daemon, since_birth=True).each(FILES, "file"))
        ((_, begun, _, _),) = Reader(chain.folder / "link1.stamps").new()
        daemon.ctl("stop", "chain/inbox")
        move(chain.inbox, folder)
    return (begun - began) / 1e9


def coming_to_limit(folder: Path) -> float:
    with short_folder() as place:
        (place / "inbox").mkdir()
        watched = Watched(place / "inbox")
        with moving(folder, place / "inbox"):
            return coming(watched, FILES, place / "files.db")


def coming_to_ours(folder: Path, left: list[str], grown: list[dict[str, float]]) -> float:
    with under_a_daemon(1, enough=FILES) as (chain, daemon):
        before = peaks(daemon)
        began = time.monotonic_ns()
        with moving(folder, chain.inbox):
            chain.heard()
            after = peaks(daemon)
            left.append(Cost(daemon, since_birth=True).each(FILES, "file"))
            daemon.ctl("stop", "chain/inbox")
        ((_, begun, _, _),) = Reader(chain.folder / "link1.stamps").new()
    grown.append({name: after[name] - before[name] for name in before})
    return (begun - began) / 1e9


def peaks(daemon: Daemon) -> dict[str, float]:
    """MiB of each process, at its peak so far."""
    status = daemon.status()
    pids = {"daemon": status["daemon"]["pid"]}
    pids.update((node["name"], node["pid"]) for node in status["pipelines"][0]["nodes"])
    return {name: _peak(pid) for name, pid in pids.items()}


def _peak(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"cannot read the peak memory of process {pid}: the kernel does not say it")
