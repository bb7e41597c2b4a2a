"""A real daemon in a home of its own, driven as a user drives it, and looked at in ways that cost it nothing.

Whatever comes of it carries a variable in its environment, by which it is found, measured, and missed at the end.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psutil

from anacostia_daemon.control.client import Client, ControlFailure
from anacostia_daemon.paths import Home

T = TypeVar("T")

PATIENCE = 60.0  # seconds; what takes longer than that has failed
STAMP = "ANACOSTIA_BENCH"


class LeftOver(Exception):
    """Processes outlived their daemon: what was measured before is not to be trusted either."""


class Daemon:
    """`root` is an empty folder for whatever the figure needs; `home` is the daemon's."""

    def __init__(self, root: Path) -> None:
        self.root, self._stamp = root, uuid.uuid4().hex
        (root / "run").mkdir(mode=0o700)
        self.env = {
            **{key: value for key, value in os.environ.items() if not key.startswith("ANACOSTIA")},
            "ANACOSTIA_HOME": str(root / "home"),
            "XDG_RUNTIME_DIR": str(root / "run"),
            STAMP: self._stamp,
        }
        self.home = Home(root / "home", self.env)
        self.client = Client(self.home)
        self._served: subprocess.Popen[bytes] | None = None

    def ctl(self, *words: str | Path, check: bool = True) -> str:
        """What `anacostiactl words…` prints; RuntimeError with what it says where it fails, unless not `check`."""
        command = [*CTL, *map(str, words)]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, cwd=self.root)
        if check and done.returncode:
            raise RuntimeError(f"anacostiactl {words[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self, pipeline: str | Path, *arguments: str | Path) -> None:
        """Start the pipeline of a file, or of a text that becomes a file here; back when all nodes are ready."""
        file = pipeline if isinstance(pipeline, Path) else self.write(pipeline)
        self.ctl("start", file, "--", *arguments)

    def serve(self) -> None:
        """Start the daemon alone, with no pipeline."""
        with (self.root / "daemon.log").open("w") as log:
            self._served = subprocess.Popen(DAEMON, env=self.env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_for(self._answers, "the daemon answers")

    def _answers(self) -> bool:
        with contextlib.suppress(ControlFailure):
            self.client.request("version", {}, timeout=PATIENCE)
            return True
        return False

    def write(self, pipeline: str) -> Path:
        """The text as a file of its own in `root`."""
        file = self.root / f"pipeline-{len(list(self.root.glob('pipeline-*.py')))}.py"
        file.write_text(pipeline)
        return file

    def status(self, pipeline: str | None = None) -> dict[str, Any]:
        """As `anacostiactl status --json`, without a process for it."""
        found: dict[str, Any] = self.client.request("status", {"pipeline": pipeline} if pipeline else {}, timeout=60)
        return found

    def node(self, pipeline: str, node: str) -> dict[str, Any]:
        """A node's part of `status`."""
        nodes = self.status(pipeline)["pipelines"][0]["nodes"]
        found: dict[str, Any] = next(each for each in nodes if each["name"] == node)
        return found

    def journal(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the daemon's journal, read from its file: the daemon is not asked, so it is not slowed down."""
        with contextlib.closing(sqlite3.connect(f"file:{self.home.journal}?mode=ro", uri=True)) as connection:
            return connection.execute(query, values).fetchall()

    @property
    def pid(self) -> int:
        """Of the daemon."""
        pid: int = self.status()["daemon"]["pid"]
        return pid

    def loader_pid(self, pipeline: str) -> int:
        """Of the process that the nodes of `pipeline` are forked from."""
        pid: int = self.status(pipeline)["pipelines"][0]["loader"]["pid"]
        return pid

    def processes(self) -> list[psutil.Process]:
        """The daemon, its loaders, their nodes, and whatever those started."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(STAMP) == self._stamp and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def close(self) -> None:
        """Shut down, and see that nobody is left; whoever is, is killed and told of."""
        self.client.close()
        try:
            self.ctl("shutdown", check=False)
            with contextlib.suppress(TimeoutError):
                wait_for(lambda: not self.processes(), "all processes have ended", 10.0)
            left = [(each.pid, each.name()) for each in self.processes()]
        finally:
            for process in self.processes():
                with contextlib.suppress(psutil.Error):
                    process.kill()
            if self._served is not None:
                self._served.wait(10)
        if left:
            raise LeftOver(f"these outlived their daemon: {left}")


DAEMON = (sys.executable, "-m", "anacostia_daemon")
CTL = (sys.executable, "-m", "anacostia_daemon.ctl")


@contextlib.contextmanager
def daemon() -> Iterator[Daemon]:
    """A daemon that runs from its first `start` to the end of the block."""
    with short_folder() as root:
        opened = Daemon(root)
        try:
            yield opened
        finally:
            opened.close()


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """An empty folder, with a path that is short enough for sockets; gone at the end."""
    root = Path(tempfile.mkdtemp(prefix="ab-", dir="/tmp"))
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def wait_for(look: Callable[[], T], what: str, within: float = PATIENCE, every: float = 0.02) -> T:
    """What `look` returns once that is true; TimeoutError after `within` seconds. Looks `every` so many seconds."""
    deadline = time.monotonic() + within
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so after {within:g} s: {what}")
        time.sleep(every)
    return found
