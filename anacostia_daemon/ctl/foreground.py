"""`python FILE` with pipeline.run(): a daemon of its own for this terminal, that ends with it.

    python -m anacostia_daemon.ctl.foreground FILE [-- ARGS]

Shows what the nodes write and what happens to them. The first Ctrl-C stops gracefully, the second by force. If this
process is killed, the daemon sees the end of a pipe and shuts down; if the daemon is killed, it is started again and
takes the nodes over.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click

from anacostia_daemon.control.client import Client, ControlFailure, ControlRefused
from anacostia_daemon.ctl import exits
from anacostia_daemon.ctl.gone import Gone
from anacostia_daemon.ctl.launch import CannotLaunch, launch
from anacostia_daemon.ctl.terminal import Posix, Starter, Told, tell
from anacostia_daemon.paths import Home
from node_sdk.errors import AnacostiaError

_RELAUNCHES = 5  # of a daemon that keeps dying, within _WINDOW seconds
_WINDOW = 60.0
_GIVEN_UP = 70  # exit code of a daemon: an essential node has failed
_PR_SET_PDEATHSIG = 1  # of prctl(2)
_ANSWER_WITHIN = 5.0  # seconds; questions on the side must not hold up the logs


def main(arguments: list[str] | None = None) -> int:
    """Run the file; returns the exit status: 0 when ended by Ctrl-C, 1 when it could not be started or was given up."""
    given = sys.argv[1:] if arguments is None else arguments
    if not given or given[0].startswith("-") or (len(given) > 1 and given[1] != "--"):
        click.echo("usage: python -m anacostia_daemon.ctl.foreground FILE [-- ARGS]", err=True)
        return exits.USAGE
    posix = Posix()
    if not _bound_to(os.environ.pop("ANACOSTIA_STARTED_BY", "")):
        return exits.FAILED
    try:
        return Foreground(Path(given[0]).absolute(), given[2:], posix).run()
    except AnacostiaError as error:
        tell(str(error))
        return exits.FAILED
    except BrokenPipeError:  # nobody reads on; with our end the daemon ends too
        return exits.broken_pipe()


def _bound_to(starter: str) -> bool:
    """End gracefully when the script whose pipeline.run() started us is killed. False where it is dead already.

    Linux only: elsewhere no death of a parent is told, and a killed script leaves its pipeline running.
    """
    if not starter.isdigit() or not sys.platform.startswith("linux"):
        return True
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    return os.getppid() == int(starter)


def home_for(file: Path, base: Home) -> Home:
    """A home of its own for each file, always the same, so that what was interrupted is found again."""
    name = f"{file.stem}-{hashlib.sha256(os.fsencode(file)).hexdigest()[:8]}"
    return Home(base.path / "foreground" / name)


class Foreground:
    """One pipeline file under one daemon in one terminal."""

    def __init__(self, file: Path, argv: list[str], posix: Posix) -> None:
        self._file, self._argv, self._posix = file, argv, posix
        self._home = home_for(file, Home.find())
        # The daemon has the reading end, we the writing end, and nobody writes.
        self._end, self._hold = os.pipe()
        self._daemon: subprocess.Popen[bytes] | None = None
        self._launched: list[float] = []
        self._asked_to_end = 0
        self._started = False
        self._failed = False

    def run(self) -> int:
        """Until the daemon has ended for good."""
        self._daemon = self._launch_first()
        self._forget_earlier()
        told = Told(self._home)  # first, so that nothing of the start is taken for old
        starter = Starter(self._home, self._request(), self._posix)
        try:
            while self._daemon is not None:
                told.look()
                while self._posix.interrupts > self._asked_to_end:
                    self._end_daemon()
                if starter.outcome is not None and not self._started:
                    self._after_start(starter.outcome)
                if self._daemon.poll() is not None:
                    self._daemon = self._after_end(self._daemon)
                    continue
                told.wait(self._posix.fd)
                self._posix.drain()
            told.look()
        finally:
            told.close()
            os.close(self._hold)
            os.close(self._end)
        return exits.FAILED if self._failed else exits.OK

    def _launch_first(self) -> subprocess.Popen[bytes]:
        try:
            return self._launch()
        except CannotLaunch:
            if not self._earlier_one_ends():
                raise
        return self._launch()

    def _launch(self) -> subprocess.Popen[bytes]:
        self._launched.append(time.monotonic())
        return launch(self._home, end_with=self._end)

    def _earlier_one_ends(self) -> bool:
        """Whether the daemon of a terminal that was killed was on its way out, and now is gone."""
        try:
            with Client(self._home) as client:
                earlier = client.request("status", timeout=_ANSWER_WITHIN)["daemon"]
        except ControlFailure:
            return False
        if not earlier.get("shutting_down"):
            return False
        tell("waiting for the last one to end")
        with Gone(earlier["pid"]) as gone:
            return gone.wait()

    def _forget_earlier(self) -> None:
        """What an earlier terminal, killed, has left wanted must not run beside or instead of what is asked now."""
        with contextlib.suppress(ControlFailure), Client(self._home) as client:
            for pipeline in client.request("status", timeout=_ANSWER_WITHIN)["pipelines"]:
                if pipeline["desired"] != "down":
                    client.request("stop", {"target": pipeline["name"], "wait": True})

    def _request(self) -> dict[str, Any]:
        return {
            "file": str(self._file),
            "argv": self._argv,
            "cwd": str(Path.cwd()),
            "python": sys.executable,
            "wait": False,
        }

    def _after_start(self, outcome: dict[str, Any] | AnacostiaError) -> None:
        self._started = True
        if isinstance(outcome, AnacostiaError):
            if self._asked_to_end:
                return
            tell(str(outcome))
            if isinstance(outcome, ControlRefused) and outcome.hint:
                tell(outcome.hint)
            self._failed = True
            self._end_daemon()
            return
        tell(
            f"pipeline '{outcome['pipeline']}' runs; Ctrl-C ends it; look at it from another terminal with "
            f"`anacostiactl --home {self._home.path} status`"
        )
        port = os.environ.get("ANACOSTIA_WEB_PORT")
        if port:
            host = os.environ.get("ANACOSTIA_WEB_HOST", "127.0.0.1")
            tell(f"its dashboard is at http://{f'[{host}]' if ':' in host else host}:{port}")

    def _end_daemon(self) -> None:
        assert self._daemon is not None
        self._asked_to_end += 1
        if self._failed:
            pass  # that it ends was said with the reason
        elif self._asked_to_end == 1:
            tell("stopping gracefully; Ctrl-C again stops by force")
        else:
            tell("stopping by force")
        self._want_nothing()
        with contextlib.suppress(ProcessLookupError):
            self._daemon.send_signal(signal.SIGTERM)  # the second one makes it kill

    def _want_nothing(self) -> None:
        """Written down before the end, so that the next terminal starts with what it asks for."""
        with contextlib.suppress(ControlFailure), Client(self._home) as client:
            for pipeline in client.request("status", timeout=_ANSWER_WITHIN)["pipelines"]:
                args = {"target": pipeline["name"], "wait": False}
                client.request("stop", args, timeout=_ANSWER_WITHIN)

    def _after_end(self, daemon: subprocess.Popen[bytes]) -> subprocess.Popen[bytes] | None:
        """None where that was the end; else its replacement."""
        if self._asked_to_end or daemon.returncode == 0:
            return None
        if daemon.returncode == _GIVEN_UP:
            tell("the pipeline cannot go on without a node that has failed")
            self._failed = True
            return None
        died = f"the daemon ended ({_how(daemon.returncode)})"
        now = time.monotonic()
        self._launched = [each for each in self._launched if now - each < _WINDOW]
        if len(self._launched) > _RELAUNCHES:
            tell(f"{died} too often; look into {self._home.log}")
            self._failed = True
            return None
        tell(f"{died}; starting it again, it takes the nodes over")
        return self._launch()


def _how(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


if __name__ == "__main__":
    sys.exit(main())
