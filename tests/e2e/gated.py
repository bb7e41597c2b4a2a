"""Drives gated_pipeline.py, and looks at its processes all the while: no node ever has two (law 7)."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from pathlib import Path

import psutil
from place import BIN, Place, rows, wait_for

from anacostia_daemon.process.identity import is_alive
from anacostia_daemon.process.marks import marks
from node_sdk.osprocess import facts

PIPELINE = Path(__file__).with_name("gated_pipeline.py")
NODES = ("metadata_store", "inbox", "models", "job", "after")


class Witness:
    """Looks at every mark of a home in /proc, over and over. The nodes it watches must start nothing themselves."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.looks = 0
        self.doubles: set[str] = set()
        self._thread.start()

    def end(self) -> None:
        self._end.set()
        self._thread.join()
        assert self.looks, "nobody has looked"
        assert not self.doubles, f"two processes of a node at once: {sorted(self.doubles)}"

    def _watch(self) -> None:
        while not self._end.wait(0.002):
            self.looks += 1
            found: defaultdict[tuple[str, str], dict[int, float]] = defaultdict(dict)
            for pid, mark in marks():
                process = facts(pid)
                if mark.home == self._home and process is not None and not process.zombie:
                    found[mark.pipeline, mark.node][pid] = process.started
            for node, processes in found.items():
                # Those seen first may have ended before those seen last began: only who still lives counts.
                living = [pid for pid, started in processes.items() if is_alive(pid, started)]
                if len(living) > 1:
                    self.doubles.add(f"{'/'.join(node)}: {living}")


class Gated:
    """The pipeline, started in a place."""

    def __init__(self, place: Place, heartbeat_timeout: float = 6.0) -> None:
        self.place = place
        place.ctl("start", PIPELINE, "--", place.root, str(heartbeat_timeout))
        self.database = place.root / "metadata.db"
        self.witness = Witness(place.home.hash)

    def drop(self, number: int) -> None:
        self.place.write(f"inbox/{number:03}.txt", "x" * number)

    def executing(self, run: int, attempt: int = 1) -> int:
        """The pid of the job, once it waits in this attempt."""

        def pid() -> int | None:
            log = self.place.root / "attempts.log"
            lines = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
            return next((int(pid) for a, b, pid in lines if (int(a), int(b)) == (run, attempt)), None)

        found = wait_for(pid, f"attempt {attempt} of run {run} executes")
        assert found is not None
        return found

    def let_go(self, run: int, attempt: int = 1) -> None:
        """Have this attempt come to its end."""
        (self.place.root / f"go-{run}-{attempt}").touch()

    def recorded(self, run: int) -> None:
        """The run has succeeded, as its database says; that needs no daemon."""
        wanted = f"select 1 from runs where id = {run} and state = 'succeeded'"
        wait_for(lambda: rows(self.database, wanted), f"run {run} succeeds")

    def attempts(self, run: int, node: str = "job") -> int:
        [row] = rows(self.database, f"select attempts from tasks where run_id = {run} and node = '{node}'")
        count: int = row["attempts"]
        return count

    def pids(self) -> dict[str, int]:
        return {node: self.place.ready("gated", node)["pid"] for node in NODES}

    def ends(self) -> list[str]:
        """Why its nodes changed their phases, all that the journal tells."""
        return [f"{each['node']} {each['to']}: {each['reason']}" for each in self.place.json("journal", "gated")]


def kill(pid: int) -> None:
    """SIGKILL, and see that it is dead."""
    process = psutil.Process(pid)
    process.kill()
    wait_for(lambda: not lives(pid), f"{pid} is dead")


def lives(pid: int) -> bool:
    found = facts(pid)
    return found is not None and not found.zombie


def start_daemon(place: Place) -> None:
    """As a service manager does."""
    before = {each.pid for each in place.processes()}
    place.spawn(BIN / "anacostiad", log=place.home.log)
    assert place.daemon_pid() not in before
    assert os.path.exists(place.home.control_socket)
