"""Keeps the companions: one process each, started with its settings over a pipe, woken by a byte, started again when it
ends. Nothing here waits for one; the end of the daemon, however it comes, closes the pipe and so ends them.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from anacostia_daemon.config.configuration import Config
from anacostia_daemon.paths import Home
from anacostia_daemon.process.handle import ProcessHandle, hold
from anacostia_daemon.process.reaper import Reaper
from anacostia_daemon.supervisor.log import report
from anacostia_daemon.supervisor.loop import Handle, Loop

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds until one that ended is started again: twice as long each time
HEALTHY_AFTER = 60.0  # seconds; then the waits begin anew
HOPELESS = 2  # exit code of one that cannot work here: a package that is not installed
MOST_SETTINGS = 32 * 1024  # bytes: what a pipe takes at once on every system
_ELSEWHERE = {"web": "anacostia_daemon.web"}  # the module of a companion that is no part of `companions`
_NOT_INHERITED = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")


class Companion:
    """`python -m anacostia_daemon.companions.NAME` (the dashboard: its own package), from construction to `close`."""

    def __init__(self, loop: Loop, home: Home, reaper: Reaper, name: str, settings: Mapping[str, Any]) -> None:
        self._loop, self._home, self._reaper, self._name = loop, home, reaper, name
        self._module = _ELSEWHERE.get(name, f"anacostia_daemon.companions.{name}")
        self._settings = json.dumps(settings).encode() + b"\n"
        self._pipe = -1
        self._handle: ProcessHandle | None = None
        self._again: Handle | None = None
        self._wait, self._began = FIRST_WAIT, 0.0
        self._start()

    @property
    def pid(self) -> int | None:
        return None if self._handle is None else self._handle.pid

    def wake(self) -> None:
        """There is news. A pipe that is full has woken it already."""
        if self._pipe >= 0:
            with contextlib.suppress(OSError):
                os.write(self._pipe, b"\n")

    def close(self) -> None:
        """Let it end."""
        if self._again is not None:
            self._again.cancel()
        self._let_go()

    def _start(self) -> None:
        self._again, self._began = None, self._loop.now()
        if len(self._settings) > MOST_SETTINGS:
            report(f"cannot start {self._name}: its settings have more than {MOST_SETTINGS} bytes", "error")
            return
        theirs, self._pipe = os.pipe()
        os.set_blocking(self._pipe, False)
        try:
            os.write(self._pipe, self._settings)
            self._handle = self._spawn(theirs)
        except OSError as error:
            self._ended(f"it cannot be started: {error.strerror or error}")
        finally:
            os.close(theirs)

    def _spawn(self, theirs: int) -> ProcessHandle | None:
        process = subprocess.Popen(
            [sys.executable, "-m", self._module, str(self._home.path)],
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            cwd="/",
            env={
                **{key: value for key, value in os.environ.items() if key not in _NOT_INHERITED},
                "ANACOSTIA_HOME": str(self._home.path),
            },
            start_new_session=True,  # Ctrl-C in the terminal of a daemon is for the daemon
        )
        process.returncode = 0  # the reaper collects it; Popen must not
        self._reaper.expect(process.pid)
        handle = hold(process.pid)
        if handle is None:
            self._over(process.pid)  # already
        else:
            self._loop.add_reader(handle.fd, self._gone)
        return handle

    def _gone(self) -> None:
        if self._handle is not None and self._handle.gone:
            self._over(self._handle.pid)

    def _over(self, pid: int) -> None:
        code, number = self._reaper.status(pid)
        if code == HOPELESS:
            self._let_go()  # it has said why
            report(f"{self._name}: not started again before the daemon is", "error")
        else:
            self._ended(f"it was killed by signal {number}" if number is not None else f"it ended with code {code}")

    def _ended(self, why: str) -> None:
        self._let_go()
        if self._loop.now() - self._began >= HEALTHY_AFTER:
            self._wait = FIRST_WAIT
        report(f"{self._name}: {why}; it is started again in {self._wait:g} s", "warning")
        self._again = self._loop.call_at(self._loop.now() + self._wait, self._start)
        self._wait = min(LONGEST_WAIT, 2 * self._wait)

    def _let_go(self) -> None:
        if self._handle is not None:
            self._loop.remove(self._handle.fd)
            self._handle.close()
            self._handle = None
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1


def wanted(config: Config) -> dict[str, dict[str, Any]]:
    """The companions that `config` asks for, and the settings of each."""
    found: dict[str, dict[str, Any]] = {}
    metrics, traces, rules = config.table("metrics"), config.table("traces"), config.named("notify")
    if "port" in metrics:
        found["metrics"] = metrics
    if "endpoint" in traces:
        found["traces"] = traces
    if config.has("web"):
        found["web"] = config.table("web")
    if rules:
        found["notify"] = {"rules": rules}
    return found


class Companions:
    """All of a daemon: those that its configuration asks for, by name."""

    def __init__(self, loop: Loop, home: Home, reaper: Reaper) -> None:
        self._loop, self._home, self._reaper = loop, home, reaper
        self._all: dict[str, Companion] = {}

    def start(self, config: Config) -> None:
        """Those that `config` asks for."""
        for name, settings in wanted(config).items():
            self._all[name] = Companion(self._loop, self._home, self._reaper, name, settings)

    def wake(self, *names: str) -> None:
        """There is news for these, should they be there."""
        for name in names:
            if name in self._all:
                self._all[name].wake()

    def close(self) -> None:
        for each in self._all.values():
            each.close()
        self._all.clear()
