"""Whoever dies, the daemon and its loaders included: nodes live on, nobody runs twice, the wanted comes back."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from anacostia_daemon.control.client import Client, ControlFailure
from anacostia_daemon.process.identity import start_time
from node_sdk.wire.store import EndRun
from tests.integration.loader_driver import asking

from .daemon_process import TINY, Daemon, daemon_of_a_test, lives

pytestmark = pytest.mark.slow


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with daemon_of_a_test() as made:
        yield made


def test_a_new_daemon_adopts_the_nodes_of_one_that_was_killed(daemon: Daemon) -> None:
    daemon.start(daemon.write("tiny.py"))
    before = daemon.nodes()

    daemon.kill()
    assert all(lives(node) for node in before.values())
    daemon.spawn()
    daemon.until_ready()

    after = daemon.nodes()
    assert {name: node["pid"] for name, node in after.items()} == {name: node["pid"] for name, node in before.items()}
    assert [node["ready_at"] for node in after.values()] == [node["ready_at"] for node in before.values()]
    assert sorted(daemon.living) == sorted(node["pid"] for node in after.values())
    daemon.ask("trigger", pipeline="tiny", token="one")
    daemon.until(lambda: daemon.ask("runs", pipeline="tiny")[0]["state"] == "succeeded", "a run after the adoption")
    daemon.ask("stop", target="tiny")
    assert daemon.living == {}


def test_work_goes_on_while_no_daemon_lives(daemon: Daemon) -> None:
    daemon.start(daemon.write("tiny.py"))
    daemon.kill()

    (daemon.folder / "incoming" / "a.txt").write_text("a")
    log = daemon.home.log_file("tiny", "count")
    daemon.until(lambda: "counted" in log.read_text(), "the run")
    daemon.spawn()

    daemon.until(lambda: [run["state"] for run in daemon.ask("runs", pipeline="tiny")] == ["succeeded"], "the run")


def test_a_run_cancelled_by_a_daemon_that_died_before_it_told_anybody_is_told_by_the_next(daemon: Daemon) -> None:
    waiting = """
        def execute(self, *args, **kwargs):
            import time
            self.log("at work", level="INFO")
            try:
                while True:
                    time.sleep(0.01)
            finally:
                self.log("called back", level="INFO")
"""
    begin, end = TINY.index("        def execute"), TINY.index("    here = ")
    daemon.start(daemon.write("tiny.py", TINY[:begin] + waiting.lstrip("\n") + "\n" + TINY[end:]))
    pid = daemon.pids()["count"]
    daemon.ask("trigger", pipeline="tiny", token="one")
    log = daemon.home.log_file("tiny", "count")
    daemon.until(lambda: "at work" in log.read_text(), "the task is executed")
    daemon.kill()
    with asking(daemon.home.inbox("tiny", "store")) as store:  # what the daemon had asked when it died
        store.ask(EndRun(1, "cancelled"))
    assert "called back" not in log.read_text()
    daemon.spawn()

    daemon.until(lambda: "called back" in log.read_text(), "the node hears that its run was cancelled")
    daemon.until(lambda: daemon.nodes()["count"]["work"] == "idle", "it is free for the next run")
    assert daemon.pids()["count"] == pid
    [run] = daemon.ask("runs", pipeline="tiny")
    assert (run["state"], [task["state"] for task in run["tasks"]][-1]) == ("cancelled", "cancelled")


def test_a_node_that_ended_while_no_daemon_lived_is_started_again_with_its_end_known(daemon: Daemon) -> None:
    daemon.start(daemon.write("tiny.py"))
    before = daemon.pids()
    daemon.kill()
    os.kill(before["count"], signal.SIGKILL)
    daemon.spawn()
    daemon.until_ready()

    count = daemon.nodes()["count"]
    assert count["incarnation"] == 2
    assert count["last_end"]["signal"] == signal.SIGKILL  # its loader kept it
    assert {name for name, pid in daemon.pids().items() if pid != before[name]} == {"count"}


def test_when_a_loader_is_killed_its_nodes_live_on_and_a_new_one_starts_the_next(daemon: Daemon) -> None:
    daemon.start(daemon.write("tiny.py"))
    before = daemon.pids()
    loader = daemon.pipeline()["loader"]["pid"]

    os.kill(loader, signal.SIGKILL)
    daemon.until(lambda: daemon.pipeline()["loader"]["phase"] == "none", "the news of the loader's death")
    assert daemon.pids() == before
    os.kill(before["count"], signal.SIGKILL)
    daemon.until(lambda: daemon.nodes()["count"]["incarnation"] == 2, "its restart")
    daemon.until_ready()

    count = daemon.nodes()["count"]
    assert count["last_end"]["signal"] == signal.SIGKILL  # it had fallen to the daemon, which could wait for it
    assert daemon.pipeline()["loader"]["pid"] not in (None, loader)
    daemon.ask("stop", target="tiny")
    assert daemon.living == {}


def test_when_daemon_and_loader_are_killed_the_nodes_are_adopted_by_pid_and_start_time(daemon: Daemon) -> None:
    daemon.start(daemon.write("tiny.py"))
    before = daemon.pids()
    loader = daemon.pipeline()["loader"]["pid"]

    daemon.kill()
    os.kill(loader, signal.SIGKILL)
    os.kill(before["count"], signal.SIGKILL)
    daemon.spawn()
    daemon.until_ready()

    after = daemon.pids()
    assert (after["store"], after["incoming"]) == (before["store"], before["incoming"])
    assert after["count"] != before["count"]
    assert daemon.nodes()["count"]["last_end"]["reason"] == "ended while no daemon watched"
    assert sorted(daemon.living) == sorted(after.values())


def test_everything_is_killed_at_once_and_comes_back(daemon: Daemon) -> None:
    daemon.start(daemon.write("tiny.py"))
    pids = [*daemon.pids().values(), daemon.pipeline()["loader"]["pid"]]

    daemon.kill()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    daemon.spawn()
    daemon.until_ready()

    assert not set(pids) & set(daemon.pids().values())
    assert sorted(daemon.living) == sorted(daemon.pids().values())


def test_what_a_person_stopped_stays_stopped_in_the_next_daemon(daemon: Daemon) -> None:
    daemon.start(daemon.write("tiny.py"))
    daemon.start(daemon.write("other.py", TINY.replace("metadata.db", "other.db")), name="other")
    daemon.ask("stop", target="tiny/count")
    daemon.ask("stop", target="other")

    daemon.kill()
    daemon.spawn()
    daemon.until_ready()

    assert [node["phase"] for node in daemon.nodes().values()] == ["ready", "ready", "down"]
    assert daemon.pipeline("other")["desired"] == daemon.pipeline("other")["phase"] == "down"
    assert len(daemon.living) == 2


def test_a_process_of_this_home_that_nobody_knows_is_killed(daemon: Daemon) -> None:
    daemon.start(daemon.write("tiny.py"))
    daemon.kill()
    before = set(daemon.living)
    daemon.home.journal.unlink()
    for suffix in ("-wal", "-shm"):
        daemon.home.journal.with_name(daemon.home.journal.name + suffix).unlink(missing_ok=True)

    daemon.spawn()

    daemon.until(lambda: not daemon.living, "the end of the strays")
    assert before
    daemon.start(daemon.folder / "tiny.py")
    assert len(daemon.living) == 3


def test_sigterm_stops_all_nodes_successors_first_and_the_next_daemon_brings_them_back(daemon: Daemon) -> None:
    daemon.start(daemon.write("tiny.py"))
    loader = daemon.pipeline()["loader"]["pid"]

    os.kill(daemon.pid, signal.SIGTERM)

    assert daemon.wait() == 0
    assert daemon.living == {}
    assert start_time(loader) is None
    assert not daemon.home.control_socket.exists()
    down = [line for line in daemon.log.splitlines() if "to down" in line]
    assert [line.split()[1].partition("[")[0] for line in down] == ["tiny/count", "tiny/incoming", "tiny/store"]
    daemon.client.close()
    daemon.spawn()
    daemon.until_ready()


def test_shutdown_with_leave_nodes_leaves_them_for_the_next_daemon(daemon: Daemon) -> None:
    daemon.start(daemon.write("tiny.py"))
    before = daemon.pids()

    daemon.ask("shutdown", leave_nodes=True)
    assert daemon.wait() == 0
    daemon.client.close()
    assert sorted(daemon.living) == sorted(before.values())
    daemon.spawn()

    daemon.until_ready()
    assert daemon.pids() == before


def test_a_second_sigterm_does_not_wait_for_the_stop_timeout(daemon: Daemon) -> None:
    stubborn = """
        stop_timeout = 300.0

        def on_exit(self):
            import signal
            while True:
                signal.pause()
"""
    path = daemon.write("tiny.py", TINY.replace("        restart =", f"{stubborn}\n        restart ="))
    daemon.start(path)

    os.kill(daemon.pid, signal.SIGTERM)
    daemon.until(lambda: "tiny/count[1] may-stop" in daemon.log, "the first stop")
    os.kill(daemon.pid, signal.SIGTERM)

    assert daemon.wait() == 0
    assert daemon.living == {}
    assert "killing what is still there" in daemon.log


def test_a_loader_that_hangs_is_replaced_and_its_nodes_are_not_lost(daemon: Daemon) -> None:
    daemon.start(daemon.write("tiny.py"))
    before = daemon.pids()
    loader = daemon.pipeline()["loader"]["pid"]

    os.kill(loader, signal.SIGSTOP)
    os.kill(before["count"], signal.SIGKILL)
    daemon.until(lambda: daemon.nodes()["count"]["incarnation"] == 2, "its restart")
    daemon.until_ready()

    after = daemon.pids()
    assert (after["store"], after["incoming"]) == (before["store"], before["incoming"])
    assert daemon.pipeline()["loader"]["pid"] not in (None, loader)
    assert start_time(loader) is None


SLOW = """
    import pathlib, signal
    pathlib.Path(__file__).with_name("loading").touch()
    signal.pause()
"""


def test_a_daemon_does_not_wait_for_a_file_that_never_finishes_loading(daemon: Daemon) -> None:
    path = daemon.write("slow.py", SLOW)
    refusals: list[str] = []
    person = threading.Thread(target=lambda: refusals.append(refusal_of(daemon, path)))
    person.start()
    daemon.until((daemon.folder / "loading").exists, "the beginning of the load")

    os.kill(daemon.pid, signal.SIGTERM)

    assert daemon.wait() == 0
    person.join()
    assert "the daemon is shutting down" in refusals[0]


def test_a_pipeline_that_is_stopped_while_its_file_is_loaded_again_is_down_at_once(daemon: Daemon) -> None:
    path = daemon.write("tiny.py")
    daemon.start(path)
    pids = [*daemon.pids().values(), daemon.pipeline()["loader"]["pid"]]
    daemon.kill()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    daemon.write("tiny.py", SLOW)
    daemon.spawn()
    daemon.until((daemon.folder / "loading").exists, "the beginning of the load")

    daemon.ask("stop", target="tiny")

    assert [node["phase"] for node in daemon.nodes().values()] == ["down"] * 3
    daemon.write("tiny.py")
    daemon.ask("start", target="tiny")
    assert daemon.pipeline()["phase"] == "ready"


def refusal_of(daemon: Daemon, path: Path) -> str:
    with Client(daemon.home) as client:
        try:
            client.request("start", {"file": str(path), "cwd": str(daemon.folder)}, timeout=30)
        except ControlFailure as failure:
            return str(failure)
    return "started"


def test_daemons_that_are_killed_ten_times_in_a_row_never_start_anything_twice(daemon: Daemon) -> None:
    daemon.start(daemon.write("tiny.py"))
    before = daemon.pids()

    for _ in range(10):
        daemon.kill()
        daemon.spawn()
    daemon.until_ready()

    assert daemon.pids() == before
    assert sorted(daemon.living) == sorted(before.values())
