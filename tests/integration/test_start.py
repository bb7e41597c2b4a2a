"""Starts that meet another: of the same file at the same time, of what runs already, of what does not come up."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from anacostia_daemon.control.client import Client, ControlRefused

from .daemon_process import TIMEOUT, TINY, Daemon, daemon_of_a_test

pytestmark = pytest.mark.slow

GATED = "open(__file__ + '.gate').read()\n"  # loading stands still until the gate was opened and closed again


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with daemon_of_a_test() as made:
        yield made


class Start:
    """One `start` of a client of its own, under way in a thread."""

    def __init__(self, daemon: Daemon, pool: ThreadPoolExecutor, path: Path, **arguments: Any) -> None:
        self._home = daemon.home
        self.words: list[str] = []
        self.said = threading.Event()
        arguments = {"file": str(path), "cwd": str(daemon.folder), **arguments}
        self.outcome = pool.submit(self._run, arguments)

    def _run(self, arguments: dict[str, Any]) -> Any:
        with Client(self._home) as client:
            return client.request("start", arguments, self._show, TIMEOUT)

    def _show(self, text: str) -> None:
        self.words.append(text)
        self.said.set()


def gated(daemon: Daemon) -> Path:
    path = daemon.write("tiny.py")
    path.write_text(GATED + path.read_text())
    os.mkfifo(f"{path}.gate")
    return path


@contextlib.contextmanager
def being_loaded(path: Path) -> Iterator[None]:
    """Begins once the file is being loaded; that goes on at the end."""
    gate = os.open(f"{path}.gate", os.O_WRONLY)
    try:
        yield
    finally:
        os.close(gate)


def test_a_second_start_of_a_file_that_is_being_loaded_joins_the_first(daemon: Daemon) -> None:
    path = gated(daemon)
    with ThreadPoolExecutor() as pool:
        first = Start(daemon, pool, path)
        with being_loaded(path):
            second = Start(daemon, pool, path)
            assert second.said.wait(TIMEOUT)
        assert second.words[0] == f"{path} is being loaded already; waiting for that"
        assert first.outcome.result() == second.outcome.result()
    assert daemon.pipeline()["phase"] == "ready"


def test_a_start_whose_client_left_goes_on_and_the_next_one_joins_it(daemon: Daemon) -> None:
    path = gated(daemon)
    leaving = Client(daemon.home)
    with pytest.raises(KeyboardInterrupt):
        leaving.request("start", {"file": str(path), "cwd": str(daemon.folder)}, _interrupt)
    with ThreadPoolExecutor() as pool:
        with being_loaded(path):
            second = Start(daemon, pool, path)
            assert second.said.wait(TIMEOUT)
        assert second.outcome.result()["pipeline"] == "tiny"
    assert daemon.pipeline()["phase"] == "ready"


def test_who_joined_a_load_that_fails_hears_why(daemon: Daemon) -> None:
    path = gated(daemon)
    path.write_text(GATED + "import no_such_module_at_all")
    with ThreadPoolExecutor() as pool:
        starts = [Start(daemon, pool, path)]
        with being_loaded(path):
            starts.append(Start(daemon, pool, path))
            assert starts[1].said.wait(TIMEOUT)
        for each in starts:
            with pytest.raises(ControlRefused, match="no_such_module_at_all"):
                each.outcome.result()


def test_a_start_with_other_arguments_waits_for_the_load_and_is_told_that_it_runs(daemon: Daemon) -> None:
    path = gated(daemon)
    with ThreadPoolExecutor() as pool:
        first = Start(daemon, pool, path, argv=["one"])
        with being_loaded(path):
            second = Start(daemon, pool, path, argv=["two"])
            assert second.said.wait(TIMEOUT)
        assert second.words[0] == "waiting for an earlier start or stop to be over"
        assert first.outcome.result()["pipeline"] == "tiny"
        with pytest.raises(ControlRefused, match="runs already, with arguments one"):
            second.outcome.result()


def test_a_pipeline_that_is_being_loaded_is_shown_and_can_be_stopped(daemon: Daemon) -> None:
    path = gated(daemon)
    with ThreadPoolExecutor() as pool:
        start = Start(daemon, pool, path)
        with being_loaded(path):
            shown = daemon.pipeline()
            assert (shown["name"], shown["phase"], shown["nodes"]) == ("tiny", "starting", [])
            assert shown["reason"].startswith(f"loading {path} for ")
            daemon.ask("stop", target="tiny")
            with pytest.raises(ControlRefused, match="it was stopped while its file was loaded"):
                start.outcome.result()
    assert daemon.ask("status")["pipelines"] == []
    path.write_text(path.read_text().removeprefix(GATED))
    daemon.start(path)
    assert daemon.pipeline()["phase"] == "ready"


def test_stopping_a_pipeline_ends_the_reload_of_it(daemon: Daemon) -> None:
    path = daemon.write("tiny.py")
    daemon.start(path)
    os.mkfifo(f"{path}.gate")
    path.write_text(GATED + path.read_text())
    with ThreadPoolExecutor() as pool, Client(daemon.home) as other:
        reload = pool.submit(other.request, "reload", {"pipeline": "tiny"}, None, TIMEOUT)
        with being_loaded(path):
            daemon.ask("stop", target="tiny")
            with pytest.raises(ControlRefused, match="the pipeline was stopped"):
                reload.result()
    assert daemon.pipeline()["phase"] == "down"
    daemon.until(lambda: daemon.home.loader_sockets("tiny") == [], "all loaders are gone")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"argv": ["two"]}, "arguments one"),
        ({"argv": []}, "arguments one"),
        ({"env": {"A": "2"}}, "another --env"),
        ({"python": "/usr/bin/env"}, "--python"),
    ],
    ids=["arguments", "no arguments", "environment", "interpreter"],
)
def test_what_runs_is_not_started_with_something_else(daemon: Daemon, other: dict[str, Any], words: str) -> None:
    path = daemon.write("tiny.py")
    given: dict[str, Any] = {"argv": ["one"], "env": {"A": "1"}}
    assert "already" not in daemon.start(path, **given)
    before = daemon.pids()

    assert daemon.start(path, **given)["already"] is True
    with pytest.raises(ControlRefused, match=f"cannot start {path}: pipeline 'tiny' runs already, with {words}") as no:
        daemon.start(path, **{**given, **other})

    assert no.value.hint == "`anacostiactl stop tiny` first, then start it with the new ones"
    assert daemon.pids() == before


def test_what_is_stopped_starts_with_what_it_is_given_now(daemon: Daemon) -> None:
    path = daemon.write("tiny.py")
    daemon.start(path, argv=["one"])
    daemon.ask("stop", target="tiny", wait=False)

    assert "already" not in daemon.start(path, argv=["two"])
    assert daemon.start(path, argv=["two"])["already"] is True


def test_a_first_start_that_fails_says_what_stays_and_how_to_end_it(daemon: Daemon) -> None:
    setup = '\n        def setup(self):\n            raise OSError("no licence server")\n'
    path = daemon.write("tiny.py", TINY.replace("        restart =", f"{setup}\n        restart ="))

    with pytest.raises(ControlRefused) as first:
        daemon.start(path)
    with pytest.raises(ControlRefused) as again:
        daemon.ask("restart", target="tiny")

    assert "pipeline 'tiny' stays registered and wanted up, and " in first.value.hint
    assert first.value.hint.endswith("; `anacostiactl remove tiny` ends that")
    assert "stays registered" not in again.value.hint
    daemon.ask("remove", pipeline="tiny")
    assert daemon.ask("status")["pipelines"] == []


def _interrupt(text: str) -> None:
    raise KeyboardInterrupt
