"""Random chaos: a real daemon, files arriving, and SIGKILL or SIGSTOP at random on whatever belongs to it.

    python -m tests.chaos.chaos --seconds 60 --seed 7
    python -m tests.chaos.chaos --seconds 7200 --spare daemon      # one daemon all the while: does its memory grow?

The seed is printed and replays the same choices. It ends with tests/chaos/laws.py and exits 0 only if all laws hold
and no process is left. Signals go only to processes that the daemon's own status names, or to their loader.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil

from tests.chaos.growth import Growth
from tests.chaos.laws import Expected, broken_laws, rows

HERE = Path(__file__).parent


class World:
    """A daemon with the chaos pipeline in a folder of its own."""

    def __init__(self, seed: int, spared: frozenset[str] = frozenset()) -> None:
        self.spared = spared
        self.growth = Growth()
        self.root = Path(tempfile.mkdtemp(prefix="chaos-", dir="/tmp"))
        self.random = random.Random(seed)
        self.home = self.root / "home"
        self.env = {**os.environ, "ANACOSTIA_HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.root / "run")}
        (self.root / "run").mkdir(mode=0o700)
        (self.root / "inbox").mkdir()
        self.files = 0
        self.done: Counter[str] = Counter()
        self.stopped: list[tuple[float, psutil.Process]] = []
        self.daemon: subprocess.Popen[bytes] | None = None

    def ctl(self, *words: str, check: bool = True) -> str:
        command = [sys.executable, "-m", "anacostia_daemon.ctl", *words]
        outcome = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=90, check=False)
        if check and outcome.returncode != 0:
            raise RuntimeError(f"{' '.join(words)} ended with {outcome.returncode}: {outcome.stderr}{outcome.stdout}")
        return outcome.stdout

    def start_daemon(self) -> None:
        log = (self.root / "daemon.out").open("ab")
        self.daemon = subprocess.Popen(
            [sys.executable, "-m", "anacostia_daemon"], env=self.env, stdout=log, stderr=log, start_new_session=True
        )
        wait_for(lambda: self.status() is not None, "the daemon answers", 30)
        self.growth.follow(self.daemon.pid)

    def status(self) -> dict[str, Any] | None:
        text = self.ctl("status", "--json", check=False)
        try:
            return json.loads(text) if text else None
        except json.JSONDecodeError:
            return None

    def drop(self) -> None:
        self.files += 1
        temporary = self.root / f"file-{self.files}"
        temporary.write_text(f"{self.files} " * self.random.randint(1, 200))
        temporary.rename(self.root / "inbox" / f"file-{self.files:06}.txt")

    def victims(self) -> list[tuple[str, int]]:
        """(name, pid) of everything that may be hit now."""
        status = self.status()
        if status is None or not status["pipelines"]:
            return []
        found = [(node["name"], node["pid"]) for node in status["pipelines"][0]["nodes"] if node["pid"]]
        for _, pid in found:
            try:
                parent = psutil.Process(pid).parent()
                if parent and "node_sdk.runtime.loader" in parent.cmdline():
                    found.append(("loader", parent.pid))
                    break
            except psutil.Error:
                continue
        assert self.daemon is not None
        return [each for each in [*found, ("daemon", self.daemon.pid)] if each[0] not in self.spared]

    def strike(self) -> None:
        victims = self.victims()
        if not victims:
            return
        name, pid = self.random.choice(victims)
        try:
            process = psutil.Process(pid)
            if name not in ("daemon", "loader") and self.random.random() < 0.1:
                process.suspend()
                self.stopped.append((time.monotonic() + self.random.uniform(0.1, 6.0), process))
                self.done[f"SIGSTOP {name}"] += 1
                return
            process.kill()
        except psutil.NoSuchProcess:
            return
        self.done[f"SIGKILL {name}"] += 1
        if name == "daemon":
            assert self.daemon is not None
            self.daemon.wait()
            self.start_daemon()

    def wake(self, all_of_them: bool = False) -> None:
        for due, process in list(self.stopped):
            if all_of_them or due <= time.monotonic():
                self.stopped.remove((due, process))
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()

    def settled(self) -> bool:
        """Every file is in a run that ended."""
        count = rows(self.root / "metadata.db", "select count(*) as n from artifacts where resource = 'inbox'")
        open_runs = rows(self.root / "metadata.db", "select count(*) as n from runs where state = 'running'")
        fresh = rows(self.root / "metadata.db", "select count(*) as n from artifacts where state in ('new', 'current')")
        return count[0]["n"] >= self.files and open_runs[0]["n"] == 0 and fresh[0]["n"] == 0

    def expected(self) -> Expected:
        return Expected(
            self.root / "metadata.db",
            {"inbox": self.root / "inbox"},
            {"models": self.root / "models"},
            self.root / "executions.log",
        )

    def left_behind(self) -> list[str]:
        """Processes of this world that are still alive."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() != psutil.STATUS_ZOMBIE and str(self.root) in " ".join(
                    [*process.cmdline(), process.environ().get("ANACOSTIA_HOME", "")]
                ):
                    found.append(f"{process.pid} {' '.join(process.cmdline())}")
            except psutil.Error:
                continue
        return found


def wait_for(condition: Any, what: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(0.05)


def run(seconds: float, seed: int, pause: tuple[float, float], spared: frozenset[str]) -> list[str]:
    """Chaos for so many seconds; returns the laws that were broken."""
    world = World(seed, spared)
    print(f"seed {seed}, {seconds:g} s, in {world.root}", flush=True)
    faults: list[str] = []
    try:
        world.start_daemon()
        world.ctl("start", str(HERE / "pipeline.py"), "--", str(world.root))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for _ in range(world.random.randint(0, 3)):
                world.drop()
            time.sleep(world.random.uniform(*pause))
            world.wake()
            world.strike()
            world.growth.look()
        world.wake(all_of_them=True)
        try:
            wait_for(world.settled, "all files are in runs that ended", 60)
        except TimeoutError as error:
            faults.append(str(error))
        world.ctl("shutdown")
        assert world.daemon is not None
        world.daemon.wait(60)
        faults += broken_laws(world.expected())
        runs = rows(world.root / "metadata.db", "select count(*) as n from runs")[0]["n"]
        print(f"{world.files} files, {runs} runs, {sum(world.done.values())} strikes:")
        print("  " + ", ".join(f"{what} {count}" for what, count in sorted(world.done.items())))
        print(f"  {world.growth}")
    finally:
        world.wake(all_of_them=True)
        if world.daemon is not None and world.daemon.poll() is None:
            world.daemon.send_signal(signal.SIGTERM)
            try:
                world.daemon.wait(60)
            except subprocess.TimeoutExpired:
                world.daemon.kill()
        left = world.left_behind()
        faults += [f"left behind: {each}" for each in left]
        for each in left:
            os.kill(int(each.split()[0]), signal.SIGKILL)
    if not faults:
        shutil.rmtree(world.root)
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--pause", type=float, nargs=2, default=(0.05, 0.6), help="seconds between strikes")
    parser.add_argument("--spare", action="append", default=[], help="a node, 'loader' or 'daemon' that is not hit")
    chosen = parser.parse_args()
    faults = run(chosen.seconds, chosen.seed, tuple(chosen.pause), frozenset(chosen.spare))
    for fault in faults[:50]:
        print(f"BROKEN: {fault}")
    print("all laws hold" if not faults else f"{len(faults)} faults; replay with --seed {chosen.seed}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
