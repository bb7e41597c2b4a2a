"""A home that is removed or moved away under its daemon is noticed and said; nothing is started that no daemon would
know of, and all goes on once it is back."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator

import pytest

from .daemon_process import Daemon, daemon_of_a_test

pytestmark = pytest.mark.slow

GONE = "cannot write the journal {}: the home was removed or moved away; put it back as it was, and it goes on"


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with daemon_of_a_test() as daemon:
        daemon.start(daemon.write("tiny.py"))
        daemon.until_ready()
        yield daemon


def trouble(daemon: Daemon) -> str:
    return str(daemon.ask("status")["daemon"]["trouble"])


def test_it_goes_on_once_the_home_is_back(daemon: Daemon) -> None:
    assert trouble(daemon) == ""
    elsewhere = daemon.home.path.with_name("elsewhere")
    daemon.home.path.rename(elsewhere)
    assert trouble(daemon).startswith(GONE.format(daemon.home.journal))
    assert GONE.format(daemon.home.journal) in daemon.log
    os.kill(daemon.pids()["count"], signal.SIGKILL)
    daemon.until(lambda: "none is started until it can be written" in daemon.log, "it has tried to write")
    assert daemon.nodes()["count"]["pid"] is None

    elsewhere.rename(daemon.home.path)

    daemon.until(lambda: daemon.pipeline()["phase"] == "ready", "what waited is started")
    assert trouble(daemon) == ""
    assert daemon.journal_rows("entries", "incarnation").count(2) > 0


def test_another_journal_in_its_place_is_not_written_to(daemon: Daemon) -> None:
    daemon.home.journal.rename(daemon.home.journal.with_name("moved.db"))
    daemon.home.journal.write_bytes(b"")

    assert "another file is in its place" in trouble(daemon)


def test_it_can_be_shut_down_without_one(daemon: Daemon) -> None:
    shutil.rmtree(daemon.home.path)
    os.kill(daemon.pids()["count"], signal.SIGKILL)
    daemon.until(lambda: daemon.nodes()["count"]["phase"] == "starting", "its start waits")

    daemon.ask("shutdown")

    assert daemon.wait() == 0
    assert daemon.living == {}
