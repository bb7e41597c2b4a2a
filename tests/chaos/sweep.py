"""Crash after every step: a scenario is replayed, and each time the victim dies at its next durable step or message,
until a replay in which that point is not reached. Then tests/chaos/laws.py looks at all that was recorded.

Replays follow each other in one living pipeline, so each costs one restart of the victim and one run. What starts
only once (the first start of a pipeline, of a loader, of a daemon) is replayed with a pipeline of its own each time.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from anacostia_daemon.control.client import Client, ControlFailure, ControlRefused
from anacostia_daemon.paths import Home
from tests.chaos.laws import Expected, broken_laws, rows

HERE = Path(__file__).parent
PATIENCE = 60.0  # seconds; a deadline for what should take a fraction of one
TRIES = 2  # at a point that depends on how fast others are

Crash = tuple[str, str]  # who, at which of its points
Stimulus = Callable[["Course"], None]  # what makes a scenario happen


class World:
    """A daemon with crash points, which is started again whenever it has died, and the pipelines in its folder."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="sw", dir="/tmp"))
        for name in ("run", "busy", "crashes"):
            (self.root / name).mkdir(mode=0o700)
        self.env = {
            **os.environ,
            "ANACOSTIA_HOME": str(self.root / "home"),
            "XDG_RUNTIME_DIR": str(self.root / "run"),
            "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]),
        }
        self.home = Home(self.root / "home", self.env)
        self.client = Client(self.home)
        self.daemon: subprocess.Popen[bytes] | None = None
        self.token = 0  # of the plan; each has another
        self.lifeline = os.pipe()  # the daemon ends when this process has, however it did
        self.tend()

    def tend(self) -> None:
        """See that a daemon runs."""
        if self.daemon is not None and self.daemon.poll() is None:
            return
        self.client.close()
        command = [sys.executable, "-m", "tests.chaos.sweep_daemon", str(self.root)]
        with (self.root / "daemon.log").open("ab") as log:
            self.daemon = subprocess.Popen(
                [*command, "--end-with-fd", str(self.lifeline[0])],
                pass_fds=(self.lifeline[0],),
                env=self.env,
                cwd=HERE.parents[1],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def ask(self, command: str, **arguments: Any) -> Any:
        """The daemon's answer; None where it gave none."""
        try:
            return self.client.request(command, arguments, timeout=PATIENCE)
        except ControlRefused:
            raise
        except ControlFailure:
            return None

    def until(self, holds: Callable[[], bool], what: Callable[[], str]) -> None:
        """Wait until it is so, with a daemon running."""
        end, pause = time.monotonic() + PATIENCE, select.poll()
        while not holds():
            self.tend()
            if time.monotonic() > end:
                raise AssertionError(f"not within {PATIENCE:g} s: {what()}")
            pause.poll(2)

    def close(self, *, failed: bool) -> None:
        """End everything. What was left although the daemon shut down is a fault."""
        (self.root / "plan.json").unlink(missing_ok=True)
        left: list[psutil.Process] = []
        try:
            self.until(lambda: self.ask("version") is not None, lambda: "the daemon answers")
            self.ask("shutdown")
            assert self.daemon is not None
            self.daemon.wait(PATIENCE)
        finally:
            self.client.close()
            for end in self.lifeline:
                os.close(end)
            left = [each for each in psutil.process_iter() if self._is_ours(each)]
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            if failed:
                print(f"see {self.root}")
        assert not left, f"left behind: {left}"
        if not failed:
            shutil.rmtree(self.root)

    def _is_ours(self, process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.Error):
            ours = process.environ().get("ANACOSTIA_HOME") == self.env["ANACOSTIA_HOME"]
            return ours and process.status() != psutil.STATUS_ZOMBIE
        return False


@dataclass
class Course:
    """One pipeline of a world, and what has been done to it. A world has one plan, so its courses follow each other."""

    world: World
    shape: str
    name: str
    files: int = 0
    failing: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    repeating: set[str] = field(default_factory=set)  # nodes that execute again without having died
    edition: int = 0  # of the file
    editions: dict[int, int] = field(default_factory=dict)  # run → the edition that it must have been executed by
    replays: list[tuple[range, str, set[str]]] = field(default_factory=list)  # runs, crashes in words, who died

    def __post_init__(self) -> None:
        self.root = self.world.root / self.name
        for name in ("inbox", "alive"):
            (self.root / name).mkdir(parents=True)
        (self.root / "gate").write_text("0")
        (self.root / "edition").write_text("0")
        self.database = self.root / "metadata.db"

    # ---- doing

    def start(self) -> None:
        """Start the pipeline; asked again for as long as the daemon dies of it."""
        file = {"file": str(HERE / "sweep_pipeline.py"), "cwd": str(self.root), "argv": [str(self.root), self.shape]}

        def started() -> bool:
            with contextlib.suppress(ControlRefused):  # not answered the first time, so it runs already
                return self.world.ask("start", wait=False, **file) is not None
            return False

        self.world.until(started, lambda: f"pipeline {self.name} is started")

    def start_with_a_file(self) -> None:
        """The pipeline starts for the first time, and there is something to do."""
        self.drop()
        self.start()

    def remove(self) -> None:
        """The daemon forgets the pipeline, and nothing of it runs on."""
        self.insist("remove")

    def plan(self, crashes: Iterable[Crash], trace: str | None = None) -> None:
        """Who is to be crashed from here on, and whose points are to be listed."""
        self.world.token += 1
        (self.world.root / "trace").unlink(missing_ok=True)
        unfinished = self.world.root / "plan.tmp"
        unfinished.write_text(json.dumps({"token": self.world.token, "crashes": list(crashes), "trace": trace}))
        unfinished.rename(self.world.root / "plan.json")

    def drop(self, text: str = "good") -> str:
        """A file arrives."""
        self.files += 1
        name = f"{self.files:04}.txt"
        unfinished = self.root / "incoming.tmp"
        unfinished.write_text(f"{text} {self.files}")
        unfinished.rename(self.root / "inbox" / name)
        if text != "good":
            self.failing.add(name)
        return name

    def insist(self, command: str, **arguments: Any) -> None:
        """Ask for it until the daemon says it is done: what it asks may be dying."""

        def done() -> bool:
            with contextlib.suppress(ControlRefused):  # the store is away
                return self.world.ask(command, pipeline=self.name, **arguments) is not None
            return False

        self.world.until(done, lambda: f"{command} {arguments}: {self.trouble()}")

    def edit(self) -> None:
        """The file is another from here on."""
        self.edition += 1
        unfinished = self.root / "edition.tmp"
        unfinished.write_text(str(self.edition))
        unfinished.rename(self.root / "edition")

    def open_gate(self, run: int) -> None:
        unfinished = self.root / "gate.tmp"
        unfinished.write_text(str(run))
        unfinished.rename(self.root / "gate")

    def replay(self, stimulus: Stimulus, *crashes: Crash, trace: str | None = None) -> list[str]:
        """Play the scenario once; which of `crashes` happened."""
        before = self.last_run()
        self.plan(crashes, trace)
        stimulus(self)
        self.world.until(self.settled, self.trouble)
        done = [marker.read_text() for i in range(len(crashes)) if (marker := self.marker(i)).exists()]
        # A loader that dies before it could say whom it started takes that node along: nobody would know of it.
        died = {word.partition("#")[0] for each in done for word in each.replace(":", " ").split()}
        self.replays.append((range(before + 1, self.last_run() + 1), "; ".join(done), died))
        return done

    def points(self, stimulus: Stimulus, victim: str, *before: Crash) -> list[str]:
        """The points of the victim, in its life that follows the crashes in `before`."""
        self.replay(stimulus)  # whoever still recovers from the crash before would add to the list
        self.replay(stimulus, *before, trace=victim)
        return self.traced()

    def traced(self) -> list[str]:
        """What the last plan had listed."""
        trace = self.world.root / "trace"
        return trace.read_text().splitlines() if trace.exists() else []

    # ---- looking

    def marker(self, index: int) -> Path:
        return self.world.root / "crashes" / f"{self.world.token}-{index}"

    def last_run(self) -> int:
        return int(self._number("select coalesce(max(id), 0) from runs")) if self.database.exists() else 0

    def executed(self, run: int, node: str) -> bool:
        log = self.root / "executions.log"
        return log.exists() and any(each.startswith(f"{run} {node} ") for each in log.read_text().splitlines())

    def ended(self, run: int) -> bool:
        return self._number(f"select count(*) from runs where id = {run} and state <> 'running'") == 1

    def settled(self) -> bool:
        """Every file is in a run that ended, and nobody has anything left to do."""
        open_ = (
            "select (select count(*) from runs where state = 'running') + (select count(*) from artifacts where "
            "state in ('new', 'current') or not published) + "
            f"({self.files} - (select count(distinct location) from artifacts where resource = 'inbox'))"
        )
        return (
            self._number(open_) == 0
            and not any(any(each.read_bytes()) for each in self._flight.iterdir())
            and not any((self.root / "models").glob(".anacostia/staging/*"))
            and not any(_lives(each) for each in (self.world.root / "busy").iterdir())
            and self.is_ready()
        )

    def is_ready(self) -> bool:
        """Whether the daemon says so of every node."""
        answer = self.world.ask("status", pipeline=self.name)
        return answer is not None and answer["pipelines"][0]["phase"] == "ready"

    def trouble(self) -> str:
        """What is the matter, for people."""
        open_tasks = rows(self.database, "select * from tasks where state in ('pending', 'executing')")
        happened = [each.read_text() for each in sorted((self.world.root / "crashes").glob(f"{self.world.token}-*"))]
        states = [row["state"] for row in rows(self.database, "select state from artifacts")]
        status = self.world.ask("status", pipeline=self.name)
        return (
            f"{self.name} ({self.shape}) settles after {happened}, plan {(self.world.root / 'plan.json').read_text()}; "
            f"{self.files} files, {len(states)} artifacts, {states[-3:]}, open tasks {open_tasks}, "
            f"busy {list((self.world.root / 'busy').iterdir())}, status {status}"
        )

    def faults(self) -> list[str]:
        """The laws that do not hold, each with what was done in that replay."""
        expected = Expected(
            self.database,
            {"inbox": self.root / "inbox"},
            {"models": self.root / "models"} if self.shape == "output" else {},
            self.root / "executions.log",
            failing={"inbox": self.failing},
            cancelled={"inbox": self.cancelled},
            metrics=("size",),
            doubled=self.root / "doubled.log",
            sometimes={"third"} if self.shape == "grown" else set(),
            may_repeat={run: died | self.repeating for runs, _, died in self.replays for run in runs},
        )
        said = {run: what for runs, what, _ in self.replays for run in runs}
        found = [*broken_laws(expected), *self._executed_by_older_code()]
        return [f"{fault} [{said.get(_run_of(fault), '')}]" for fault in found]

    def _executed_by_older_code(self) -> list[str]:
        params = rows(self.database, "select run_id, value from params where key = 'edition'")
        by_run = {row["run_id"]: int(row["value"]) for row in params}
        return [
            f"run {run} was executed by edition {by_run.get(run)}, not {edition}"
            for run, edition in self.editions.items()
            if by_run.get(run) != edition
        ]

    @property
    def _flight(self) -> Path:
        return self.world.home.data_dir / self.name / "flight"

    def _number(self, query: str) -> int:
        with contextlib.suppress(Exception):  # not there yet, or its tables are not
            return int(next(iter(rows(self.database, query)[0].values())))
        return -1


@dataclass
class Swept:
    """What a sweep did: the points that crashed, and those that were listed and not met again."""

    crashed: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


def every_point(course: Course, stimulus: Stimulus, victim: str, *before: Crash) -> Swept:
    """List the points of the victim after the crashes in `before`; then replay, crashing it at each in turn."""
    swept = Swept()
    for point in course.points(stimulus, victim, *before):
        wanted = (*before, (victim, point))
        met = any(len(course.replay(stimulus, *wanted)) == len(wanted) for _ in range(TRIES))
        (swept.crashed if met else swept.missed).append(point)
    return swept


def _lives(busy: Path) -> bool:
    return psutil.pid_exists(int(busy.name.rpartition("-")[2]))


def _run_of(fault: str) -> int:
    words = fault.replace(":", " ").split()
    numbers = [int(word) for before, word in itertools.pairwise(words) if before == "run" and word.isdigit()]
    return numbers[0] if numbers else -1
