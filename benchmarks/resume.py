"""SIGKILL of a node inside execute() until the same task executes again, in the node's replacement.

The task says through a fifo when its execute() begins; what counts is the time from the kill to the second time it
says so. The limit: the same kill, a fork of a warm interpreter, and one question to an SQLite database before the first
line. DBOS recovers what is pending when it starts, and somebody must start it: here that is done at once.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from benchmarks.harness import Daemon, Figure, at_least, at_most, daemon, installed, opened, rounds, take_turns, talk
from benchmarks.harness.daemon import short_folder
from benchmarks.harness.fifo import Fifo
from benchmarks.harness.peers import NEEDED
from benchmarks.harness.timeline import NoTimeline
from benchmarks.pipelines import one_action
from benchmarks.ready import STOOD, Kill
from benchmarks.restart_parts import in_words, parts_of

FORK = Path(__file__).with_name("limits") / "fork.py"
EACH = 3  # samples of ours per round: the peer needs seconds for one
INSIDE = STOOD  # seconds inside execute() before the kill

BODY = """
place = os.open(folder / "fifo", os.O_WRONLY)
os.write(place, f"{os.getpid()} {time.monotonic()}\\n".encode())
os.close(place)
while self.attempt == 1:
    time.sleep(60)
return True
""".strip()


def measure() -> Iterator[Figure]:
    """`resume`."""
    with ExitStack() as stack:
        ours = stack.enter_context(daemon())
        limit = stack.enter_context(talk(sys.executable, FORK))
        database = str(ours.root / "limit.db")
        limit.ask("make", database)
        fifo = stack.enter_context(contextlib.closing(Fifo(ours.root / "fifo")))
        ours.start(one_action("resume", body=BODY), ours.root)
        numbers = itertools.count()
        peers, missing = opened(stack, {"DBOS": _dbos})
        found = take_turns(
            {
                "anacostia": lambda: [_ours(ours, fifo, next(numbers)) for _ in range(EACH)],
                "limit": lambda: [limit.ask("restart", database) for _ in range(EACH)],
                **peers,
            },
            rounds(15),
        )
        parts, notes = _parts(ours, fifo, numbers)
    figure = Figure(
        "resume",
        "SIGKILL inside execute() until the same task executes again",
        "ms",
        found,
        missing=missing,
        parts={"resume": parts} if parts else {},
        notes=notes,
    )
    left = in_words(parts)
    goals = [
        at_most("p50 at most 30 ms", figure.summary("anacostia").p50, 30, left),
        at_least("at least 30 × faster than DBOS", figure.than_best_peer("anacostia"), 30, left),
    ]
    yield replace(figure, goals=goals)


def _ours(ours: Daemon, fifo: Fifo, number: int) -> float:
    return _interrupted(ours, fifo, number).ms


def _interrupted(ours: Daemon, fifo: Fifo, number: int) -> Kill:
    unfinished = ours.root / f"{number}.txt"
    unfinished.write_text(str(number))
    unfinished.rename(ours.root / "resume-inbox" / unfinished.name)
    first = fifo.next()
    time.sleep(INSIDE)
    began = time.monotonic()
    os.kill(first.pid, signal.SIGKILL)
    return Kill(began, fifo.next().at)


def _parts(ours: Daemon, fifo: Fifo, numbers: Iterator[int]) -> tuple[dict[str, float], list[str]]:
    try:
        samples = [lambda: _interrupted(ours, fifo, next(numbers))] * rounds(30)
        return parts_of(ours, "resume", samples, "child: setup(), asks once more, executes"), []
    except NoTimeline as error:
        return {}, [str(error)]


@contextlib.contextmanager
def _dbos() -> Iterator[Callable[[], float]]:
    peer = installed("dbos")
    with short_folder() as folder, contextlib.closing(Fifo(folder / "fifo")) as fifo:
        command = [str(peer.python), str(NEEDED / "inside" / "dbos_resume.py"), str(folder / "dbos.db"), str(fifo.path)]

        def sample() -> float:
            with subprocess.Popen([*command, "begin"]) as first:
                fifo.next()
                time.sleep(INSIDE)
                began = time.monotonic()
                first.kill()
            with subprocess.Popen([*command, "recover"]):
                return (fifo.next().at - began) * 1000

        yield sample
