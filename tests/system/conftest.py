"""Tests under a real systemd: one host for each worker, one installation for all of them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import installed
import pytest
from host import Host, possible


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    why = possible() or installed.same_python()
    for item in items:
        if "/tests/system/" in str(item.path):
            item.add_marker(pytest.mark.slow)
            if why:
                item.add_marker(pytest.mark.skip(reason=why))


# What a test may leave in the host of its worker.
LEFT = (
    "/etc/systemd/system/anacostiad*",
    "/etc/sysusers.d/anacostia.conf",
    "/etc/tmpfiles.d/anacostia.conf",
    "/run/anacostia",
    "/tmp/anacostia-*",
    *(f"{top}{private}/anacostia" for top in ("/var/lib", "/var/log", "/var/cache") for private in ("", "/private")),
)


@dataclass(frozen=True)
class Packages:
    """`environment` is what is at /opt/anacostia of a host; `wheels` is what pip may install from."""

    environment: Path
    wheels: Path


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """Made by the first worker that needs it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    made = Packages(shared / "opt-anacostia", shared / "wheels")
    with (shared / "packages.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.environment.exists():
            made.wheels.mkdir(parents=True)
            ours = installed.wheel(made.wheels)
            for each in (*installed.needed(), *installed.needed_to_build()):
                installed.wheel_of(each, made.wheels)
            unfinished = shared / "unfinished"
            installed.environment(unfinished, ours)
            unfinished.chmod(0o755)
            unfinished.rename(made.environment)
    return made


@pytest.fixture(scope="session")
def boot(packages: Packages) -> Iterator[Callable[..., Host]]:
    """A new host with this installation; with `keep`, one that can be booted again."""
    hosts: list[Host] = []

    def booted(keep: Path | None = None, *, empty: bool = False) -> Host:
        state = Path(f"/run/sdtest.anacostia{os.getpid()}.{len(hosts)}")
        binds = {installed.ROOT: "/srv/app", packages.wheels: "/srv/wheels"}
        if not empty:
            binds[packages.environment] = "/opt/anacostia"
        hosts.append(Host(state, binds, keep))
        return hosts[-1]

    yield booted
    for each in hosts:
        each.close()


@pytest.fixture(scope="session")
def machine(boot: Callable[..., Host]) -> Host:
    """The host of this worker."""
    return boot()


@pytest.fixture
def host(machine: Host, request: pytest.FixtureRequest) -> Iterator[Host]:
    """The host of this worker, with no service in it and nothing of an earlier test."""
    machine.begin_journal()
    yield machine
    machine.run("systemctl", "stop", "--no-block", "anacostiad.service", code=None)
    machine.run("systemctl", "kill", "-s", "KILL", "anacostiad.service", code=None)
    machine.run("systemctl", "stop", "anacostiad.service", "anacostiad-nodes.service", code=None)
    machine.sh(f"rm -rf {' '.join(LEFT)}")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "reset-failed")


@pytest.fixture
def kept() -> Iterator[Path]:
    """A place for what a host writes, on a tmpfs, that outlives it."""
    made = Path(tempfile.mkdtemp(prefix="anacostia", dir="/dev/shm"))
    yield made
    with contextlib.suppress(OSError):
        shutil.rmtree(made)
