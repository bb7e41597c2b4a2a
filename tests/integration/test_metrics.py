"""The metrics of a real daemon, scraped over HTTP as Prometheus does, from a process of their own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from anacostia_daemon.companions.metrics.families import SAMPLES
from anacostia_daemon.companions.metrics.server import MOST_CLIENTS

from .daemon_process import TIMEOUT, Daemon, daemon_of_a_test

pytestmark = pytest.mark.slow

CONFIGURATION = "[metrics]\nport = 0\ntoken_file = '{folder}/token'\n"
TOKEN = "a-token-of-the-test"


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with daemon_of_a_test(CONFIGURATION, token=TOKEN) as daemon:
        yield daemon


def port(daemon: Daemon, after: int = 0) -> int:
    """Of the metrics server, once it has said it more often than `after` times."""

    def said() -> list[str]:
        return re.findall(r"metrics: served at http://127\.0\.0\.1:(\d+)/metrics", daemon.log)

    daemon.until(lambda: len(said()) > after, "metrics are served")
    return int(said()[-1])


def get(port: int, path: str = "/metrics", token: str | None = TOKEN) -> str:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        return str(answer.read().decode())


def samples(port: int) -> dict[tuple[str, ...], float]:
    """(name, label values in the order of the labels' names…) → value."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(get(port))
        for sample in family.samples
    }


def server(daemon: Daemon) -> psutil.Process:
    [found] = [
        each
        for each in psutil.process_iter(["cmdline"])
        if (each.info["cmdline"] or [])[-2:] == ["anacostia_daemon.companions.metrics", str(daemon.home.path)]
    ]
    return found


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_a_scrape_shows_nodes_runs_restarts_and_what_the_store_counted(daemon: Daemon) -> None:
    at = port(daemon)
    daemon.start(daemon.write("tiny.py"))
    daemon.until_ready()
    (daemon.folder / "incoming/one").write_text("1")
    counted = ("anacostia_run_duration_seconds_count", "tiny", "succeeded")
    daemon.until(lambda: samples(at).get(counted) == 1, "a run that succeeded is counted")
    os.kill(daemon.pids()["count"], signal.SIGKILL)
    killed = ("anacostia_node_restarts_total", "count", "tiny", "signal")
    assert samples(at)[killed[0], "count", "tiny", "exit"] == 0
    daemon.until(lambda: samples(at).get(killed) == 1, "the restart is counted by its reason")
    daemon.until_ready()
    daemon.until(lambda: samples(at)["anacostia_node_phase", "count", "ready", "tiny"] == 1, "it is ready again")
    found = samples(at)
    assert found["anacostia_up",] == found["anacostia_store_up", "tiny"] == 1
    assert found["anacostia_node_phase", "count", "failed", "tiny"] == 0
    assert found["anacostia_node_incarnation", "count", "tiny"] == 2
    assert found["anacostia_task_duration_seconds_count", "count", "tiny", "succeeded"] == 1
    assert found["anacostia_artifacts", "tiny", "incoming", "old"] == 1
    assert found["anacostia_hop_seconds_count", "tiny"] == 1
    assert found["anacostia_store_commit_seconds_count", "tiny"] > 3
    assert found["anacostia_node_resident_bytes", "store", "tiny"] > 1_000_000
    assert found["anacostia_daemon_resident_bytes",] > 1_000_000
    assert {name for name, *_ in found} <= SAMPLES


def test_a_store_that_does_not_answer_is_left_out_and_holds_up_no_scrape(daemon: Daemon) -> None:
    at = port(daemon)
    daemon.start(daemon.write("tiny.py"))
    daemon.until_ready()
    store = psutil.Process(daemon.pids()["store"])
    store.suspend()
    try:
        found = samples(at)
    finally:
        store.resume()
    assert found["anacostia_store_up", "tiny"] == 0
    assert ("anacostia_runs_open", "tiny") not in found
    assert found["anacostia_node_phase", "count", "ready", "tiny"] == 1


@pytest.mark.parametrize(
    ("path", "token", "code"), [("/metrics", None, 401), ("/metrics", "another", 401), ("/", TOKEN, 404)]
)
def test_who_has_no_token_and_who_asks_for_something_else_gets_nothing(
    served: int, path: str, token: str | None, code: int
) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(served, path, token)
    with caught.value as answer:
        assert answer.code == code
        assert "anacostia_up" not in answer.read().decode()


@pytest.fixture(scope="module")
def served() -> Iterator[int]:
    with daemon_of_a_test(CONFIGURATION, token=TOKEN) as daemon:
        yield port(daemon)


def test_clients_that_say_nothing_keep_the_daemon_from_nothing_and_others_only_for_a_while(served: int) -> None:
    with contextlib.ExitStack() as open_ones:
        for _ in range(MOST_CLIENTS + 2):
            open_ones.enter_context(socket.create_connection(("127.0.0.1", served), timeout=TIMEOUT))
    assert "anacostia_up 1.0" in _patiently(served)


def _patiently(at: int) -> str:
    while True:  # the test's own timeout ends it
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            return get(at)


def test_a_metrics_server_that_dies_is_started_again_and_ends_with_a_daemon_that_was_killed(daemon: Daemon) -> None:
    port(daemon)
    first = server(daemon)
    first.kill()
    at = port(daemon, after=1)
    assert "metrics: it was killed by signal 9; it is started again in 1 s" in daemon.log
    assert samples(at)["anacostia_up",] == 1
    second = server(daemon)
    assert second.pid != first.pid
    daemon.kill()
    daemon.until(lambda: gone(second), "the metrics server has ended with its daemon")


def test_a_daemon_whose_configuration_shows_metrics_to_others_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "anacostia.toml").write_text("[metrics]\nport = 0\naddress = '0.0.0.0'\n")
    command: list[Any] = [sys.executable, "-m", "anacostia_daemon", "--home", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode != 0
    assert "metrics.address: others could read the metrics there; name a token_file" in done.stderr


def test_a_token_that_cannot_be_read_is_named() -> None:
    with daemon_of_a_test(CONFIGURATION) as daemon:
        daemon.until(lambda: "metrics: cannot serve" in daemon.log, "it is said")
        file = daemon.folder / "token"
        assert f"port 0: the daemon's account cannot read {file}: No such file or directory" in daemon.log
