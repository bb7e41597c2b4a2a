"""A journal that another process has locked holds up what needs it, and nothing else."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from anacostia_daemon.control.client import Client, ControlFailure

from .daemon_process import TIMEOUT, Daemon, daemon_of_a_test

pytestmark = pytest.mark.slow


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with daemon_of_a_test() as made:
        yield made


@pytest.fixture
def other(daemon: Daemon) -> Iterator[sqlite3.Connection]:
    """Who locks it."""
    made = sqlite3.connect(daemon.home.journal, isolation_level=None)
    yield made
    made.close()


def test_a_start_is_refused_in_clear_words_and_can_be_repeated(daemon: Daemon, other: sqlite3.Connection) -> None:
    file = daemon.write("tiny.py")
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(ControlFailure, match=r"cannot start .*tiny\.py: cannot write the journal .* is locked"):
        daemon.start(file)
    assert daemon.ask("status")["pipelines"] == []
    other.execute("ROLLBACK")
    daemon.start(file)

    daemon.until_ready()


def test_a_removal_waits_says_why_and_is_done_when_it_can_be(daemon: Daemon, other: sqlite3.Connection) -> None:
    daemon.start(daemon.write("tiny.py"))
    other.execute("BEGIN IMMEDIATE")
    told: list[str] = []
    answers: list[Any] = []

    def remove() -> None:
        with Client(daemon.home) as client:
            answers.append(client.request("remove", {"pipeline": "tiny"}, on_progress=told.append, timeout=TIMEOUT))

    thread = threading.Thread(target=remove)
    thread.start()
    daemon.until(lambda: not any(daemon.pids().values()), "all nodes down, while nothing can be written")
    daemon.until(lambda: any("is locked" in text for text in told), "the news of what it waits for")
    assert answers == []
    other.execute("ROLLBACK")
    thread.join(TIMEOUT)

    assert answers[0]["pipeline"] == "tiny"
    assert daemon.ask("status")["pipelines"] == []
    assert "Traceback" not in daemon.log


def test_a_shutdown_comes_to_its_end_though_a_removal_cannot(daemon: Daemon, other: sqlite3.Connection) -> None:
    daemon.start(daemon.write("tiny.py"))
    other.execute("BEGIN IMMEDIATE")
    told: list[str] = []

    def remove() -> None:
        with Client(daemon.home) as client, contextlib.suppress(ControlFailure):
            client.request("remove", {"pipeline": "tiny"}, on_progress=told.append, timeout=TIMEOUT)

    thread = threading.Thread(target=remove)
    thread.start()
    daemon.until(lambda: not any(daemon.pids().values()), "all nodes down")
    daemon.ask("shutdown")
    thread.join(TIMEOUT)

    assert daemon.wait() == 0
    assert daemon.living == {}
