"""Who is told that a pipeline is paused can count on it: no run begins from then on."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest

from anacostia_daemon.control.client import Client, DaemonBusy

from .daemon_process import TINY, Daemon, daemon_of_a_test

pytestmark = pytest.mark.slow

OFFERS = TINY.replace('Incoming("incoming"', 'FilesystemStoreNode("incoming"')  # whatever will be new


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with daemon_of_a_test() as daemon:
        daemon.start(daemon.write("tiny.py", OFFERS))
        daemon.until_ready()
        yield daemon


def files_seen(daemon: Daemon) -> int:
    return len(daemon.ask("artifacts", pipeline="tiny", state="new"))


@pytest.mark.parametrize(("who", "target"), [("incoming", "tiny"), ("store", "tiny/incoming")])
def test_pause_is_answered_once_it_holds(daemon: Daemon, who: str, target: str) -> None:
    slow = psutil.Process(daemon.pids()[who])
    slow.suspend()
    try:
        with Client(daemon.home) as client, pytest.raises(DaemonBusy):
            client.request("pause", {"target": target}, timeout=0.5)
        with Client(daemon.home) as client:
            client.request("pause", {"target": target, "wait": False}, timeout=5)
    finally:
        slow.resume()

    daemon.ask("pause", target=target)
    (daemon.folder / "incoming/one").touch()

    daemon.until(lambda: files_seen(daemon) == 1, "the file is seen")
    assert daemon.ask("runs", pipeline="tiny") == []
    daemon.ask("resume", target=target)
    daemon.until(lambda: len(daemon.ask("runs", pipeline="tiny")) == 1, "the run begins")


def test_a_node_that_does_not_run_is_no_reason_to_wait(daemon: Daemon) -> None:
    daemon.ask("stop", target="tiny/count")

    daemon.ask("pause", target="tiny")

    assert {name: node["desired"] for name, node in daemon.nodes().items()} == {
        "store": "paused",
        "incoming": "paused",
        "count": "down",
    }
    assert daemon.ask("resume", target="tiny")["pipeline"] == "tiny"
