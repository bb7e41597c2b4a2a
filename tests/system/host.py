"""A machine with a real systemd, for one test session: commands run in it, files are written in it, units are asked."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import psutil

from tests.e2e.place import wait_for

__all__ = ["HOME", "NODES_UNIT", "UNIT", "Host", "possible", "wait_for"]

SCRIPT = Path(__file__).with_name("host.sh")
HOME = "/var/lib/anacostia"
UNIT = "anacostiad.service"
NODES_UNIT = "anacostiad-nodes.service"


class Host:
    """Up from construction to `close`. `binds`: what is shown in it, read-only, and where. `keep`: see host.sh."""

    def __init__(self, state: Path, binds: dict[Path, str], keep: Path | None = None) -> None:
        self.state = state
        options = [word for source, place in binds.items() for word in ("--bind-ro", f"{source}:{place}")]
        if keep is not None:
            options += ["--keep", str(keep)]
        self._since: list[str] = []
        self._held = subprocess.Popen(
            [SCRIPT, "hold", *options, state], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._held.stdout is not None
        line = self._held.stdout.readline()
        assert line.startswith("ready"), f"the host did not start: {line}{self._held.wait(10)}"

    def close(self) -> None:
        """As if its plug had been pulled."""
        assert self._held.stdin is not None and self._held.stdout is not None
        self._held.stdin.close()
        self._held.wait(20)
        self._held.stdout.close()

    def power_off(self) -> None:
        """An orderly end of the whole system."""
        leader = int((self.state / "leader.pid").read_text())
        self.run("systemctl", "poweroff", code=None)
        wait_for(lambda: not _alive(leader), "the system is down")
        self.close()

    # ---- doing

    def run(
        self, *words: str | Path, code: int | None = 0, user: str = "", **env: str
    ) -> subprocess.CompletedProcess[str]:
        """A command in it, which must end with exit code `code` (None: any)."""
        command = [str(SCRIPT), "exec", str(self.state), "--"]
        if env:
            command += ["env", *(f"{key}={value}" for key, value in env.items())]
        if user:
            command += ["runuser", "-u", user, "--"]
        command += map(str, words)
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
        said = f"{' '.join(map(str, words))} ended with {done.returncode}\n{done.stdout}{done.stderr}"
        if code is not None and done.returncode != code:
            raise AssertionError(f"{said}\n{self.journal(UNIT, 40)}")
        return done

    def sh(self, script: str, code: int | None = 0, **env: str) -> str:
        """What a script prints."""
        return self.run("/bin/sh", "-euc", script, code=code, **env).stdout

    def write(self, path: str, text: str) -> None:
        """A whole file, in directories that are made for it."""
        folder, name = path.rsplit("/", 1)
        script = 'mkdir -p "$1"; printf %s "$3" > "$1/.$2.tmp"; mv "$1/.$2.tmp" "$1/$2"'
        self.run("/bin/sh", "-euc", script, "sh", folder, name, text)

    def ctl(self, *words: str | Path, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """`anacostiactl` of the machine's service, by root."""
        return self.run("/opt/anacostia/bin/anacostiactl", "--home", HOME, *words, code=code)

    # ---- looking

    def show(self, name: str, unit: str = UNIT) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", unit, "-p", name, "--value").stdout.strip()

    def json(self, *words: str) -> Any:
        """What `anacostiactl words… --json` prints; None where the daemon cannot be asked."""
        done = self.ctl(*words, "--json", code=None)
        return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else None

    def nodes(self) -> dict[str, dict[str, Any]]:
        """The nodes of all pipelines, by name."""
        status = self.json("status")
        return {node["name"]: node for each in (status or {"pipelines": []})["pipelines"] for node in each["nodes"]}

    def pids(self) -> dict[str, int | None]:
        """The processes of the nodes, once all are ready."""

        def ready() -> dict[str, int | None] | None:
            found = self.nodes()
            wanted = found and all(each["phase"] == "ready" for each in found.values())
            return {name: each["pid"] for name, each in found.items()} if wanted else None

        found = wait_for(ready, "all nodes are ready")
        assert found is not None
        return found

    def ours(self) -> list[str]:
        """The processes in it that carry a node's mark or are a loader or a daemon."""
        script = "import sys; sys.path.insert(0, '/srv/app/tests/system'); import ours; ours.show()"
        return self.run("/opt/anacostia/bin/python", "-c", script).stdout.splitlines()

    def journal(self, unit: str = UNIT, lines: int = 1000) -> str:
        """What the unit wrote, and systemd about it."""
        words = ["journalctl", "-u", unit, "-o", "cat", "-n", str(lines), *self._since]
        command = [SCRIPT, "exec", self.state, "--", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout

    def events(self, *matches: str) -> list[tuple[str, int]]:
        """Text and level of what the service itself wrote."""
        command = ["journalctl", "-u", UNIT, "-o", "json", *self._since, *matches]
        shown = [json.loads(line) for line in self.run(*command).stdout.splitlines()]
        return [(each["MESSAGE"], int(each["PRIORITY"])) for each in shown if each["_PID"] != "1"]

    def begin_journal(self) -> None:
        """What came before is of no more interest."""
        cursor = (
            self.run("journalctl", "-n", "0", "--show-cursor", "-o", "cat").stdout.rpartition("cursor: ")[2].strip()
        )
        self._since = ["--after-cursor", cursor] if cursor else []


def _alive(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def possible() -> str:
    """Why no host can be had here; empty where one can."""
    if os.geteuid() != 0:
        return "needs root"
    missing = [each for each in ("systemctl", "dbus-daemon", "unshare", "nsenter", "setpriv") if not _found(each)]
    return f"needs the Debian packages systemd, dbus and util-linux ({', '.join(missing)})" if missing else ""


def _found(program: str) -> bool:
    return any(os.access(Path(each) / program, os.X_OK) for each in ("/bin", "/usr/bin", "/sbin", "/usr/sbin"))
