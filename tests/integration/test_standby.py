"""The process that a loader has ready for the next start."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from node_sdk.osprocess import facts
from tests.integration.loader_driver import Driver
from tests.integration.test_loader import MODULE_LEVEL, loaded


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Driver]:
    with Driver(tmp_path) as made:
        loaded(made, MODULE_LEVEL)
        made.start("store", "files", "job")
        yield made


def standby(daemon: Driver) -> psutil.Process | None:
    """The child of the loader that is no node."""
    assert daemon.process is not None
    nodes = {daemon.pid(name) for name in daemon.incarnations}
    others = [each for each in psutil.Process(daemon.process.pid).children() if each.pid not in nodes]
    return next((each for each in others if each.status() != psutil.STATUS_ZOMBIE), None)


def ready(daemon: Driver) -> psutil.Process:
    return daemon.wait(lambda: standby(daemon), "a process stands by")


def test_the_next_node_to_be_started_is_the_process_that_stood_by(daemon: Driver) -> None:
    waiting = ready(daemon)
    assert waiting.environ()["ANACOSTIA_MARK"].strip() == ""
    daemon.kill("job")
    daemon.start("job")
    assert daemon.pid("job") == waiting.pid
    assert waiting.environ()["ANACOSTIA_MARK"].strip() == f"{daemon.sockets.name}/tiny/job/2"
    assert os.getsid(waiting.pid) == waiting.pid
    assert ready(daemon).pid != waiting.pid


def test_a_store_that_stood_by_serves_as_any_other(daemon: Driver) -> None:
    waiting = ready(daemon)
    daemon.kill("store")
    daemon.start("store")
    assert daemon.pid("store") == waiting.pid
    daemon.stop("job")
    daemon.start("job")  # its hello is answered


def test_where_the_process_that_stood_by_has_died_another_is_forked(daemon: Driver) -> None:
    waiting = ready(daemon)
    waiting.kill()
    daemon.wait(lambda: not psutil.pid_exists(waiting.pid), "it is reaped")
    daemon.kill("job")
    daemon.start("job")
    assert daemon.pid("job") != waiting.pid


def test_the_process_that_stands_by_does_not_outlive_its_loader(daemon: Driver) -> None:
    waiting = ready(daemon)
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGKILL)

    def gone() -> bool:
        found = facts(waiting.pid)
        return found is None or found.zombie

    daemon.wait(gone, "it ended with its loader")


def test_a_loader_that_is_told_to_quit_leaves_nobody_standing_by(daemon: Driver) -> None:
    from node_sdk.wire.loader import Quit

    waiting = ready(daemon)
    for name in ("job", "files", "store"):
        daemon.stop(name)
    daemon.tell(Quit())
    assert daemon.process is not None
    assert daemon.process.wait(20) == 0

    def gone() -> bool:
        found = facts(waiting.pid)
        return found is None or found.zombie

    daemon.wait(gone, "it ended with its loader")
