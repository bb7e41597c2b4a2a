"""A real daemon in a home of its own: driven by `anacostiactl`, looked at by the client library, always cleaned up.

Every process that comes of it carries a variable of its environment by which it is found; only those are ever killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psutil

from anacostia_daemon.control.client import Client, ControlFailure
from anacostia_daemon.paths import Home

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PATIENCE = 30.0  # seconds; a deadline for what should take milliseconds
STAMP = "ANACOSTIA_TEST"


def wait_for(look: Callable[[], T], what: str, within: float = PATIENCE) -> T:
    """What `look` returns once that is true."""
    deadline = time.monotonic() + within
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not so after {within:g} s: {what} (last look: {found!r})")
        time.sleep(0.02)


class Place:
    """A home, and all that is done with it. Its paths are short enough for sockets."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="ae-", dir="/tmp"))
        self.stamp = uuid.uuid4().hex
        (self.root / "run").mkdir(mode=0o700)
        self.env = {
            **os.environ,
            "ANACOSTIA_HOME": str(self.root / "home"),
            "XDG_RUNTIME_DIR": str(self.root / "run"),
            STAMP: self.stamp,
        }
        self.home = Home(self.root / "home", self.env)
        self.children: list[subprocess.Popen[str]] = []

    def at(self, home: Path) -> None:
        """From here on, `ctl` and all looks mean the daemon of this home."""
        self.home = Home(home, self.env)

    # ---- doing

    def ctl(
        self, *words: str | Path, code: int | None = 0, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`anacostiactl words…`, which must end with exit code `code` (None: any)."""
        command = [str(BIN / "anacostiactl"), *map(str, words)]
        env = {**self.env, "ANACOSTIA_HOME": str(self.home.path)}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=90, cwd=cwd or self.root)
        said = f"{' '.join(command[1:])} ended with {done.returncode}\n{done.stdout}{done.stderr}"
        assert code is None or done.returncode == code, said
        assert "Traceback (most recent call last)" not in done.stderr or "File" in done.stdout + done.stderr, said
        return done

    def json(self, *words: str | Path) -> Any:
        """What `anacostiactl words… --json` prints."""
        return json.loads(self.ctl(*words, "--json").stdout)

    def spawn(self, *command: str | Path, log: Path | None = None) -> subprocess.Popen[str]:
        """A process of ours that goes on while the test does; what it says is for `communicate`, or goes to `log`."""
        out = log.open("a") if log is not None else None
        child = subprocess.Popen(
            list(map(str, command)),
            env=self.env,
            cwd=self.root,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=out or subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if out is not None:
            out.close()
        self.children.append(child)
        return child

    def write(self, path: str | Path, text: str) -> Path:
        """A file below the root; written beside its place and moved in, whole."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished = place.with_name(f".{place.name}.tmp")
        unfinished.write_text(text)
        unfinished.replace(place)
        return place

    # ---- looking; cheap enough to be repeated

    def ask(self, command: str, **args: Any) -> Any:
        """The daemon's answer, or None where there is none."""
        with contextlib.suppress(ControlFailure), Client(Home(self.home.path, self.env)) as client:
            return client.request(command, args, timeout=10)
        return None

    def node(self, pipeline: str, node: str) -> dict[str, Any]:
        """A node's part of `status`; empty where there is none."""
        status = self.ask("status") or {"pipelines": []}
        for each in status["pipelines"]:
            if each["name"] == pipeline:
                return next((found for found in each["nodes"] if found["name"] == node), {})
        return {}

    def loader_pid(self, pipeline: str) -> int:
        status = self.ask("status", pipeline=pipeline)
        pid: int = status["pipelines"][0]["loader"]["pid"]
        return pid

    def daemon_pid(self) -> int:
        pid: int = wait_for(lambda: self.ask("status"), "the daemon answers")["daemon"]["pid"]
        return pid

    def runs(self, pipeline: str) -> list[dict[str, Any]]:
        """Oldest first."""
        return list(reversed(self.ask("runs", pipeline=pipeline, limit=1000) or []))

    def run_ended(
        self, pipeline: str, run_id: int, state: str = "succeeded", within: float = PATIENCE
    ) -> dict[str, Any]:
        """Run `run_id`, once it has ended; it must have ended as `state`."""

        def ended() -> dict[str, Any] | None:
            found = [each for each in self.runs(pipeline) if each["id"] == run_id and each["state"] != "running"]
            return found[0] if found else None

        run = wait_for(ended, f"run {run_id} of {pipeline} ends", within)
        assert run["state"] == state, run
        return run

    def ready(self, pipeline: str, node: str, after: int = 0, within: float = PATIENCE) -> dict[str, Any]:
        """The node, once it is ready in an incarnation later than `after`."""

        def is_ready() -> dict[str, Any] | None:
            found = self.node(pipeline, node)
            return found if found.get("phase") == "ready" and found["incarnation"] > after else None

        return wait_for(is_ready, f"{pipeline}/{node} is ready after incarnation {after}", within)

    def log(self, pipeline: str, node: str) -> str:
        path = self.home.log_file(pipeline, node)
        return path.read_text(errors="replace") if path.exists() else ""

    # ---- the end

    def processes(self) -> list[psutil.Process]:
        """Everything alive that came of this place."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(STAMP) == self.stamp and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def close(self, *, failed: bool) -> None:
        """Shut down by the front door, then see that nobody is left. Nothing is left afterwards, whatever happened."""
        shutdown = None
        try:
            if self.ask("version") is not None:
                shutdown = self.ctl("shutdown", code=None)
            for child in self.children:
                if child.poll() is None:
                    child.send_signal(signal.SIGINT)
            left = self._gone(10.0)
        finally:
            self._kill_all()
            for child in self.children:
                child.communicate(timeout=10)
            if failed:
                self._show()
            shutil.rmtree(self.root, ignore_errors=True)
        if not failed:
            assert shutdown is None or shutdown.returncode == 0, shutdown
            assert not left, f"these were left after shutdown: {left}"

    def _gone(self, within: float) -> list[str]:
        with contextlib.suppress(AssertionError):
            wait_for(lambda: not self.processes(), "all processes have ended", within)
        return [f"{each.pid} {_words(each)}" for each in self.processes()]

    def _kill_all(self) -> None:
        while left := self.processes():
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(left, timeout=1)

    def _show(self) -> None:
        """What a failed test needs to be understood."""
        for log in [self.home.log, *sorted(self.home.data_dir.glob("*/logs/*.log"))]:
            if log.exists():
                print(f"---- {log.relative_to(self.home.path)}")
                print(log.read_text(errors="replace")[-6000:])


def _words(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return "?"


def rows(database: Path, query: str) -> list[sqlite3.Row]:
    """What a metadata store holds, read from its file."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(query).fetchall()
