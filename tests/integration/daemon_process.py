"""A real daemon in a home of its own, and the smallest pipelines for it. Everything waits on conditions."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from anacostia_daemon.control.client import Client, ControlFailure
from anacostia_daemon.paths import Home
from anacostia_daemon.process.identity import start_time, wall_time
from anacostia_daemon.process.marks import marks

TIMEOUT = 30.0  # seconds; far more than anything here takes

TINY = """
    from node_sdk import BaseActionNode, Pipeline, RestartPolicy
    from node_sdk.metadata import SqliteMetadataStore
    from node_sdk.resources import FilesystemStoreNode

    class Incoming(FilesystemStoreNode):
        def trigger_condition(self):
            return self.get_num_artifacts("new") >= 1

    class Count(BaseActionNode):
        restart = RestartPolicy(max_restarts=2, backoff_initial=0.05)

        def __init__(self, name, predecessors, store):
            self.store = store
            super().__init__(name, predecessors)

        def execute(self, *args, **kwargs):
            self.store.log_metrics(answer=42)
            self.log("counted", level="INFO")
            return True

    here = __file__.rpartition("/")[0]
    store = SqliteMetadataStore("store", f"sqlite:///{here}/metadata.db")
    incoming = Incoming("incoming", f"{here}/incoming", store)
    pipeline = Pipeline([store, incoming, Count("count", [incoming], store)], name="tiny")
"""


class Daemon:
    """Of one test. `spawn` starts its process, and again a new one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = Home(folder / "home")
        self.client = Client(self.home)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def spawn(self, *options: str, pass_fds: tuple[int, ...] = ()) -> None:
        """A daemon that is up when this returns."""
        command = [sys.executable, "-m", "anacostia_daemon", "--home", str(self.home.path), *options]
        reader, writer = os.pipe()
        with (self.folder / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--ready-fd", str(writer)],
                stderr=log,
                pass_fds=(writer, *pass_fds),
                start_new_session=True,
            )
        os.close(writer)
        assert os.read(reader, 16) == b"ready\n", self.log
        os.close(reader)

    def kill(self) -> None:
        """SIGKILL to the daemon alone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.client.close()

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        assert self.process is not None
        return self.process.wait(TIMEOUT)

    def ask(self, command: str, **arguments: Any) -> Any:
        return self.client.request(command, arguments, timeout=TIMEOUT)

    def write(self, name: str, text: str = TINY) -> Path:
        """A pipeline file, with a folder for what comes in."""
        (self.folder / "incoming").mkdir(exist_ok=True)
        path = self.folder / name
        path.write_text(textwrap.dedent(text))
        return path

    def start(self, path: Path, **arguments: Any) -> Any:
        return self.ask("start", file=str(path), cwd=str(self.folder), **arguments)

    def pipeline(self, name: str = "tiny") -> dict[str, Any]:
        [found] = self.ask("status", pipeline=name)["pipelines"]
        return dict(found)

    def nodes(self, name: str = "tiny") -> dict[str, dict[str, Any]]:
        return {node["name"]: node for node in self.pipeline(name)["nodes"]}

    def pids(self, name: str = "tiny") -> dict[str, int]:
        return {node: found["pid"] for node, found in self.nodes(name).items()}

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for a condition that only asking can tell."""
        end = time.monotonic() + TIMEOUT
        pause = select.poll()
        while not holds():
            assert time.monotonic() < end, f"{what}: not within {TIMEOUT} s; {self.log}"
            pause.poll(20)

    def until_ready(self, name: str = "tiny") -> None:
        self.until(lambda: self.pipeline(name)["phase"] == "ready", "all nodes ready")

    def journal_rows(self, table: str, column: str) -> list[Any]:
        """One column of a table of its journal."""
        with contextlib.closing(sqlite3.connect(self.home.journal)) as journal:
            return [value for (value,) in journal.execute(f"SELECT {column} FROM {table} ORDER BY {column}")]

    @property
    def log(self) -> str:
        return (self.folder / "daemon.log").read_text()

    @property
    def living(self) -> dict[int, str]:
        """Every process of this home that is a node's, or below one."""
        return {pid: str(mark) for pid, mark in marks() if mark.home == self.home.hash}

    def end(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(ControlFailure):
            self.client.request("shutdown", {}, timeout=TIMEOUT)
        self.client.close()
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(TIMEOUT)
            self.process.kill()
            self.process.wait()
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("ANACOSTIA_HOME") == str(self.home.path):
                    process.kill()
        shutil.rmtree(self.home.socket_dir, ignore_errors=True)


@contextlib.contextmanager
def daemon_of_a_test(configuration: str = "", **files: str) -> Iterator[Daemon]:
    """A daemon that is up, in a short folder: socket paths have little room. In its configuration `{folder}` is that
    folder; `files` are made in it first."""
    folder = Path(tempfile.mkdtemp(prefix="an", dir="/tmp"))
    daemon = Daemon(folder)
    try:
        for name, content in files.items():
            (folder / name).write_text(content)
        if configuration:
            daemon.home.path.mkdir(mode=0o700)
            (daemon.home.path / "anacostia.toml").write_text(configuration.replace("{folder}", str(folder)))
        daemon.spawn()
        yield daemon
    finally:
        daemon.end()
        shutil.rmtree(folder)


def lives(node: dict[str, Any]) -> bool:
    """Whether the process that a status showed still lives."""
    started = start_time(node["pid"])
    shown = datetime.fromisoformat(node["started_at"]).timestamp()
    return started is not None and abs(wall_time(started) - shown) < 1
