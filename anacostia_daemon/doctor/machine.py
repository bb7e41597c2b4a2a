"""What the machine allows: open files, inotify, the clock, control groups, and the service that starts the daemon."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from anacostia_daemon.doctor.finding import Finding, fault, ok, warning
from anacostia_daemon.paths import Home
from node_sdk import cgroup

_FILES = 1024  # open files that a daemon with some dozens of nodes wants
_INOTIFY = Path("/proc/sys/fs/inotify")
_INSTANCES, _WATCHES = 128, 8192  # what a kernel allows by default
_SANE = 1_750_000_000  # seconds since 1970, in 2025: a clock before that was never set
_TICK = 120.0
_UNIT = "anacostiad.service"
_PATIENCE = 5.0


def check(home: Home, resources: int, pid: int | None) -> Iterator[Finding]:
    """`resources`: how many folders are watched. `pid`: of the daemon, where one runs."""
    yield _open_files()
    if sys.platform.startswith("linux"):
        yield _inotify(resources)
        yield _groups(pid)
        yield from _service()
    yield _clock(home)


def _open_files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    words = f"{soft} files may be open at once"
    if 0 <= soft < _FILES:
        most = "more" if hard < 0 else hard
        return warning("limits", words, f"`ulimit -n {most}`, or LimitNOFILE= in the unit")
    return ok("limits", words)


def _inotify(resources: int) -> Finding:
    try:
        instances = int((_INOTIFY / "max_user_instances").read_text())
        watches = int((_INOTIFY / "max_user_watches").read_text())
    except OSError:
        return ok("limits", "this kernel says nothing of inotify")
    words = f"inotify: {instances} watchers and {watches} folders per user; {resources} resources need one each"
    if instances < min(_INSTANCES, resources + 16) or watches < _WATCHES or resources > instances * 0.8:
        most = max(1024, resources * 4)
        return warning(
            "limits", words, f"sysctl fs.inotify.max_user_instances={most} (resources of all programs count)"
        )
    return ok("limits", words)


def _clock(home: Home) -> Finding:
    now = time.time()
    if now < _SANE:
        words = f"it says {time.strftime('%Y-%m-%d', time.gmtime(now))}"
        return fault("clock", words, "set it: what is recorded now would have wrong times")
    newest = max((each.stat().st_mtime for each in (home.journal, home.log) if each.exists()), default=0.0)
    if newest > now + _TICK:
        ahead = f"files in {home.path} are {newest - now:.0f} s in the future: the clock was set back"
        return warning("clock", ahead, "see that time synchronisation runs; nothing depends on it but the times shown")
    return ok("clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)))


def _groups(pid: int | None) -> Finding:
    if pid is None:
        return ok("cgroup", "looked at while a daemon runs")
    if cgroup.delegated(pid) is not None:
        return ok("cgroup", "delegated: each node has a control group of its own")
    return ok("cgroup", "not delegated; families are found without it (Delegate=yes in the unit gives each its group)")


def _service() -> Iterator[Finding]:
    systemctl = shutil.which("systemctl")
    if systemctl is None or not Path("/run/systemd/system").is_dir():
        yield ok("service", "no systemd runs here")
        return
    states = {scope: _state([systemctl, *options, "is-enabled", _UNIT]) for scope, options in _SCOPES}
    for scope, state in states.items():
        if state == "enabled":
            yield ok("service", f"{_UNIT} of the {scope} is enabled: it starts with the machine")
        elif state in ("disabled", "masked", "bad"):
            enable = "systemctl enable --now" if scope == "system" else "systemctl --user enable --now"
            yield warning("service", f"{_UNIT} of the {scope} is {state}", f"`{enable} {_UNIT}`")
    if not any(states.values()):
        yield warning(
            "service",
            "no unit is installed: nobody starts the daemon after a reboot",
            "`anacostiactl service install`, with --user for your own",
        )


_SCOPES: tuple[tuple[str, list[str]], ...] = (("system", []), ("user", ["--user"]))


def _state(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE, env={**os.environ, "LC_ALL": "C"}
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    state = done.stdout.strip()
    return state if state in ("enabled", "disabled", "masked", "bad") else ""
