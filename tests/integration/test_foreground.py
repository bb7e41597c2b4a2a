"""`python FILE` with pipeline.run(), and `anacostiactl start` where no daemon runs: real daemons, real nodes."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anacostia_daemon.control.client import Client, DaemonNotRunning
from anacostia_daemon.ctl.foreground import home_for
from anacostia_daemon.ctl.gone import Gone
from anacostia_daemon.ctl.launch import CannotLaunch, launch
from anacostia_daemon.paths import Home
from anacostia_daemon.process.marks import marks
from tests.e2e.place import wait_for

from .daemon_process import TINY

pytestmark = pytest.mark.slow

TIMEOUT = 30.0
STUBBORN = (
    "import signal, threading; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('stubborn now', flush=True); threading.Event().wait()"
)


class Terminal:
    """A session in the foreground, with what it shows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "tiny.py"
        (folder / "incoming").mkdir(exist_ok=True)
        self.write(TINY)
        self.env = {**os.environ, "ANACOSTIA_HOME": str(folder / "base"), "XDG_RUNTIME_DIR": str(folder / "run")}
        self.home = home_for(self.file, Home(folder / "base", self.env))
        self.home = Home(self.home.path, self.env)
        self.processes: list[subprocess.Popen[str]] = []
        self.shown = ""

    def write(self, text: str) -> None:
        self.file.write_text(textwrap.dedent(text) + "\nif __name__ == '__main__':\n    pipeline.run()\n")

    def begin(self, *how: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *(how or ("-m", "anacostia_daemon.ctl.foreground")), str(self.file)],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.processes.append(process)
        return process

    def until(self, wanted: str) -> str:
        """The first line that is like `wanted`."""
        output = self.processes[-1].stdout
        assert output is not None
        for line in output:
            self.shown += line
            if re.search(wanted, line):
                return line
        raise AssertionError(f"it ended without {wanted!r}:\n{self.shown}")

    def ask(self, command: str, **args: Any) -> Any:
        with Client(self.home) as client:
            return client.request(command, args, timeout=TIMEOUT)

    @property
    def daemon_pid(self) -> int:
        return int(self.ask("version")["pid"])

    @property
    def living(self) -> list[int]:
        return [pid for pid, mark in marks() if mark.home == self.home.hash]

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()
        for home in (self.home, Home(self.folder / "base", self.env)):
            try:
                with Client(home) as client, Gone(client.request("version")["pid"]) as gone:
                    client.request("shutdown", {})
                    gone.wait(TIMEOUT)
            except DaemonNotRunning:
                pass


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    folder = Path(tempfile.mkdtemp(prefix="fg", dir="/tmp"))
    (folder / "run").mkdir(mode=0o700)
    made = Terminal(folder)
    yield made
    made.end()
    shutil.rmtree(folder)


def test_it_shows_what_the_nodes_say_and_ctrl_c_ends_it_gracefully(terminal: Terminal) -> None:
    process = terminal.begin()
    assert f"anacostiactl --home {terminal.home.path} status" in terminal.until("pipeline 'tiny' runs")
    terminal.until(r"count \(process 1\) is ready")
    (terminal.folder / "incoming" / "one.txt").write_text("one")
    assert "counted" in terminal.until(r"^count +\|.*run=1 counted")
    process.send_signal(signal.SIGINT)
    terminal.until("stopping gracefully; Ctrl-C again stops by force")
    assert process.wait(TIMEOUT) == 0
    assert not terminal.living
    with pytest.raises(DaemonNotRunning):
        terminal.ask("version")


def test_a_second_ctrl_c_ends_it_by_force(terminal: Terminal) -> None:
    patient = TINY.replace("restart = RestartPolicy(max_restarts=2, backoff_initial=0.05)", "stop_timeout = 600.0")
    terminal.write(patient.replace("self.store.log_metrics(answer=42)", STUBBORN))
    process = terminal.begin()
    terminal.until(r"count \(process 1\) is ready")
    (terminal.folder / "incoming" / "one.txt").write_text("one")
    terminal.until("stubborn now")
    process.send_signal(signal.SIGINT)
    terminal.until(r"count \(process 1\) is asked to stop")
    process.send_signal(signal.SIGINT)
    terminal.until("stopping by force")
    assert process.wait(TIMEOUT) == 0
    assert not terminal.living


def test_the_daemon_ends_with_a_terminal_that_is_killed_and_the_next_one_starts(terminal: Terminal) -> None:
    first = terminal.begin()
    terminal.until(r"count \(process 1\) is ready")
    with Gone(terminal.daemon_pid) as daemon:
        first.kill()
        assert daemon.wait(TIMEOUT)
    assert not terminal.living
    second = terminal.begin()
    terminal.until(r"count \(process .\) is ready")
    second.send_signal(signal.SIGTERM)
    assert second.wait(TIMEOUT) == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells of a parent's death")
def test_all_ends_with_a_script_that_is_killed(terminal: Terminal) -> None:
    script = terminal.begin("-u")
    terminal.until(r"count \(process 1\) is ready")
    with Gone(terminal.daemon_pid) as daemon:
        script.kill()
        assert daemon.wait(TIMEOUT)
    assert not terminal.living


def test_a_daemon_that_is_killed_is_started_again_and_takes_the_nodes_over(terminal: Terminal) -> None:
    process = terminal.begin()
    terminal.until(r"count \(process 1\) is ready")
    [before] = terminal.ask("status")["pipelines"]
    os.kill(terminal.daemon_pid, signal.SIGKILL)
    terminal.until("the daemon ended .killed by SIGKILL.; starting it again, it takes the nodes over")
    (terminal.folder / "incoming" / "one.txt").write_text("one")
    terminal.until("run=1 counted")

    def pids() -> list[int | None]:
        return [node["pid"] for each in terminal.ask("status")["pipelines"] for node in each["nodes"]]

    wait_for(lambda: pids() == [node["pid"] for node in before["nodes"]], "the nodes are taken over")
    process.send_signal(signal.SIGINT)
    assert process.wait(TIMEOUT) == 0
    assert not terminal.living


def test_a_file_that_cannot_be_started_is_said_and_exits_1(terminal: Terminal) -> None:
    process = terminal.begin()
    terminal.until("runs; Ctrl-C")
    process.send_signal(signal.SIGINT)
    assert process.wait(TIMEOUT) == 0
    terminal.file.write_text("import nothing_of_that_name\n")
    process = terminal.begin()
    terminal.until("no module 'nothing_of_that_name'")
    assert process.wait(TIMEOUT) == 1


def test_two_terminals_cannot_run_the_same_file(terminal: Terminal) -> None:
    first = terminal.begin()
    terminal.until("runs; Ctrl-C")
    second = subprocess.run(first.args, env=terminal.env, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert second.returncode == 1
    assert f"already holds {terminal.home.path}; use it, stop it with `anacostiactl --home {terminal.home.path} " in (
        second.stderr
    )
    assert terminal.ask("status")["pipelines"], "the first one goes on"


# ---- a daemon in the background


def test_two_starts_at_the_same_time_start_one_daemon(terminal: Terminal) -> None:
    command = [sys.executable, "-m", "anacostia_daemon.ctl", "start", str(terminal.file), "--name"]
    starts = [
        subprocess.Popen([*command, name], env=terminal.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    said = [each.communicate(timeout=TIMEOUT)[1] for each in starts]
    assert sum("started a daemon for" in each for each in said) == 1
    home = Home(terminal.folder / "base", terminal.env)
    with Client(home) as client:
        assert {each["name"] for each in client.request("status")["pipelines"]} == {"one", "two"}


def test_a_daemon_that_cannot_start_is_quoted(terminal: Terminal) -> None:
    terminal.home.path.mkdir(parents=True)
    terminal.home.lock.mkdir()  # no file, so no lock
    with pytest.raises(
        CannotLaunch, match=r"(?s)cannot start a daemon for .*: it ended at once, saying:\n.*daemon.lock"
    ):
        launch(terminal.home)


def test_a_daemon_ends_when_the_pipe_it_was_given_ends(terminal: Terminal) -> None:
    end, hold = os.pipe()
    process = launch(terminal.home, end_with=end)
    os.close(end)
    assert process.poll() is None
    os.close(hold)
    assert process.wait(TIMEOUT) == 0
