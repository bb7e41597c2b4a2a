"""The ways of platforms without /proc and pidfd, exercised here: psutil is the same everywhere, and a kqueue is played
by a pidfd that answers to its three calls, for the real one exists on BSD and macOS alone.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from anacostia_daemon.process import family, handle, identity, marks, usage
from anacostia_daemon.process.family import Head
from anacostia_daemon.process.marks import VARIABLE, Mark
from node_sdk import osprocess

MARK = Mark("cafe0002", f"elsewhere{os.getpid()}", "train", 1)

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there the ways are the real ones")


class Kqueue:
    """What `handle` asks of a kqueue that watches one process for its end."""

    def __init__(self) -> None:
        self.fd = -1

    def control(self, changes: list[Any] | None, most: int, timeout: float | None = None) -> list[str]:
        for change in changes or ():
            assert (change.filter, change.flags, change.fflags) == ("PROC", "ADD", "EXIT")
            self.fd = os.pidfd_open(change.ident)
        return ["ended"] if most and select.select([self.fd], [], [], timeout)[0] else []

    def fileno(self) -> int:
        return self.fd

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (osprocess, identity, handle, marks, usage):
        monkeypatch.setattr(module, "LINUX", False)
    monkeypatch.setattr(handle, "TOLERANCE", 2.0)
    kevent = lambda pid, filter, flags, fflags: SimpleNamespace(ident=pid, filter=filter, flags=flags, fflags=fflags)  # noqa: E731
    names = {"KQ_FILTER_PROC": "PROC", "KQ_EV_ADD": "ADD", "KQ_NOTE_EXIT": "EXIT", "kevent": kevent, "kqueue": Kqueue}
    for name, value in names.items():
        monkeypatch.setattr(select, name, value, raising=False)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"], env={**os.environ, VARIABLE: str(MARK)}, start_new_session=True)
    yield process
    process.kill()
    process.wait()


def test_the_facts_of_a_process_are_those_that_psutil_tells(sleeper: subprocess.Popen[bytes]) -> None:
    found = osprocess.facts(sleeper.pid)
    assert found is not None
    assert (found.parent, found.group, found.session) == (os.getpid(), sleeper.pid, sleeper.pid)
    assert found.started == psutil.Process(sleeper.pid).create_time()
    assert not found.zombie


def test_a_process_that_is_gone_has_no_facts(sleeper: subprocess.Popen[bytes]) -> None:
    sleeper.kill()
    sleeper.wait()
    assert osprocess.facts(sleeper.pid) is None
    assert usage.usage(sleeper.pid) is None
    assert marks.mark_of(sleeper.pid) is None


def test_the_end_of_a_held_process_is_told(sleeper: subprocess.Popen[bytes]) -> None:
    held = handle.hold(sleeper.pid, psutil.Process(sleeper.pid).create_time())
    assert held is not None
    assert not held.gone
    assert held.send(signal.SIGKILL)
    assert select.select([held.fd], [], [], 10)[0]
    assert held.gone
    held.close()


def test_a_namesake_is_not_held(sleeper: subprocess.Popen[bytes]) -> None:
    assert handle.hold(sleeper.pid, psutil.Process(sleeper.pid).create_time() - 60) is None


def test_a_family_is_found_by_its_mark(sleeper: subprocess.Popen[bytes]) -> None:
    assert marks.mark_of(sleeper.pid) == MARK
    assert [each.pid for each in family.family(MARK)] == [sleeper.pid]
    assert [each.pid for each in family.family(MARK, Head(sleeper.pid, None))] == [sleeper.pid]


def test_what_a_process_uses_is_told(sleeper: subprocess.Popen[bytes]) -> None:
    found = usage.usage(sleeper.pid)
    assert found is not None
    assert found.rss_bytes > 0
