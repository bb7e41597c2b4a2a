"""The service installed, and gated_pipeline.py in the middle of its first run under it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from host import HOME, Host, wait_for

WORK = f"{HOME}/work"
FLOW = "/srv/app/tests/e2e/gated_pipeline.py"
DROP_INS = "/etc/systemd/system/anacostiad.service.d"


def install(host: Host, *words: str, tighter: str = "") -> None:
    """Install and start it; `tighter` goes into a drop-in of its own before."""
    if tighter:
        host.write(f"{DROP_INS}/test.conf", f"[Service]\n{tighter}\n")
    host.run("/opt/anacostia/bin/anacostiactl", "service", "install", "--now", *words)


def executing(host: Host, run: int = 1, attempt: int = 1) -> int:
    """The pid of the job once it is in this attempt."""

    def pid() -> int:
        lines = [line.split() for line in host.sh(f"cat {WORK}/attempts.log 2>/dev/null || true").splitlines()]
        return next((int(each[2]) for each in lines if each[:2] == [str(run), str(attempt)]), 0)

    return wait_for(pid, f"attempt {attempt} of run {run} executes")


def begin(host: Host) -> dict[str, int | None]:
    """Start the pipeline, and have its job in the middle of run 1; the processes of its nodes."""
    host.sh(f"mkdir -p {WORK}; chown --reference={HOME}/ {WORK}")
    host.ctl("start", FLOW, "--", WORK)
    host.write(f"{WORK}/inbox/one.txt", "1")
    executing(host)
    return host.pids()


def finish(host: Host, run: int = 1, attempt: int = 1) -> None:
    host.write(f"{WORK}/go-{run}-{attempt}", "")
    wait_for(lambda: host.json("run", "gated", str(run))["state"] == "succeeded", f"run {run} succeeds")


@contextmanager
def crashed(host: Host, signal: str = "KILL") -> Iterator[None]:
    """The daemon gets this signal; afterwards another one is ready in its place."""
    before = host.show("MainPID")
    host.run("kill", f"-{signal}", before)
    yield

    def replaced() -> bool:
        return host.show("MainPID") not in ("0", before) and host.show("ActiveState") == "active"

    wait_for(replaced, "another daemon is ready")
