"""The daemon with real loaders, nodes and sockets: what a person starts, sees and stops, and who else may hold it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from anacostia_daemon.control.client import ControlRefused

from .daemon_process import TINY, Daemon, daemon_of_a_test

pytestmark = pytest.mark.slow


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with daemon_of_a_test() as made:
        yield made


def test_a_pipeline_is_started_shown_runs_and_is_stopped(daemon: Daemon) -> None:
    result = daemon.start(daemon.write("tiny.py"))

    assert result == {"pipeline": "tiny", "nodes": ["store", "incoming", "count"], "home": str(daemon.home.path)}
    nodes = daemon.nodes()
    assert [node["phase"] for node in nodes.values()] == ["ready"] * 3
    assert nodes["count"]["predecessors"] == ["incoming"]
    assert nodes["store"]["rss_bytes"] > 1_000_000
    assert daemon.pipeline()["store"]["uri"].startswith("sqlite:///")

    (daemon.folder / "incoming" / "a.txt").write_text("a")
    daemon.until(lambda: [run["state"] for run in daemon.ask("runs", pipeline="tiny")] == ["succeeded"], "one run")
    [metric] = daemon.ask("metrics", pipeline="tiny")
    assert (metric["run_id"], metric["node"], metric["key"], metric["value"]) == (1, "count", "answer", 42.0)
    [artifact] = daemon.ask("artifacts", pipeline="tiny", state="old")
    assert (artifact["location"], artifact["run_id"], artifact["produced_by"]) == ("a.txt", 1, None)
    assert {task["node"]: task["state"] for task in daemon.ask("run", pipeline="tiny", run_id=1)["tasks"]} == {
        "store": "succeeded",
        "incoming": "succeeded",
        "count": "succeeded",
    }

    daemon.ask("stop", target="tiny")
    assert [node["phase"] for node in daemon.nodes().values()] == ["down"] * 3
    assert daemon.living == {}
    stopped = [line["node"] for line in daemon.ask("journal", pipeline="tiny") if line["to"] == "down"]
    assert stopped[-3:] == ["count", "incoming", "store"]


def test_runs_are_shown_also_while_the_pipeline_is_stopped(daemon: Daemon) -> None:
    daemon.start(daemon.write("tiny.py"))
    assert daemon.ask("trigger", pipeline="tiny", token="one") == {"pipeline": "tiny", "run_id": 1}
    assert daemon.ask("trigger", pipeline="tiny", token="one") == {"pipeline": "tiny", "run_id": 1}
    daemon.until(lambda: daemon.ask("runs", pipeline="tiny")[0]["state"] == "succeeded", "the run")
    daemon.ask("stop", target="tiny")

    assert [run["id"] for run in daemon.ask("runs", pipeline="tiny")] == [1]
    with pytest.raises(ControlRefused, match="cannot trigger pipeline 'tiny': its metadata store 'store' is down"):
        daemon.ask("trigger", pipeline="tiny", token="two")


def test_a_stopped_node_stays_stopped_and_its_pipeline_starts_it_again(daemon: Daemon) -> None:
    daemon.start(daemon.write("tiny.py"))

    daemon.ask("stop", target="tiny/count")
    count = daemon.nodes()["count"]
    assert (count["desired"], count["phase"], count["pid"]) == ("down", "down", None)
    assert daemon.pipeline()["phase"] == "ready"
    daemon.ask("start", target="tiny")
    assert daemon.nodes()["count"]["phase"] == "ready"


def test_a_restart_gives_every_node_a_new_process(daemon: Daemon) -> None:
    daemon.start(daemon.write("tiny.py"))
    before = daemon.pids()

    daemon.ask("restart", target="tiny/count")
    assert {name for name, pid in daemon.pids().items() if pid != before[name]} == {"count"}
    daemon.ask("restart", target="tiny")
    after = daemon.pids()
    assert not set(after.values()) & set(before.values())
    assert [node["restarts"] for node in daemon.nodes().values()] == [0, 0, 0]  # nobody crashed


def test_a_paused_node_takes_no_new_work_until_it_is_resumed(daemon: Daemon) -> None:
    daemon.start(daemon.write("tiny.py"))
    daemon.ask("pause", target="tiny/count")
    assert daemon.nodes()["count"]["desired"] == "paused"

    daemon.ask("trigger", pipeline="tiny", token="one")
    daemon.ask("restart", target="tiny/count")
    [run] = daemon.ask("runs", pipeline="tiny")
    assert run["state"] == "running"
    daemon.ask("resume", target="tiny/count")
    daemon.until(lambda: daemon.ask("runs", pipeline="tiny")[0]["state"] == "succeeded", "the run")


def test_a_changed_file_counts_from_the_next_start_of_its_stopped_pipeline(daemon: Daemon) -> None:
    path = daemon.write("tiny.py")
    daemon.start(path)
    daemon.ask("stop", target="tiny")
    path.write_text(path.read_text().replace('"count"', '"counter"'))

    daemon.ask("start", target="tiny")

    assert list(daemon.nodes()) == ["store", "incoming", "counter"]


def test_a_removed_pipeline_is_forgotten_and_may_come_back(daemon: Daemon) -> None:
    path = daemon.write("tiny.py")
    daemon.start(path)
    incarnation = daemon.nodes()["store"]["incarnation"]

    daemon.ask("remove", pipeline="tiny")

    assert daemon.ask("status")["pipelines"] == []
    assert daemon.living == {}
    daemon.start(path)
    assert daemon.nodes()["store"]["incarnation"] > incarnation  # the store would refuse a number it has seen


def test_wrong_names_are_answered_with_the_nearest_right_one(daemon: Daemon) -> None:
    daemon.start(daemon.write("tiny.py"))

    with pytest.raises(ControlRefused) as refusal:
        daemon.ask("stop", target="tiny/cuont")
    assert str(refusal.value) == ("cannot stop node 'cuont': no such node in pipeline 'tiny' (did you mean 'count'?)")
    assert refusal.value.code == "unknown"
    with pytest.raises(ControlRefused, match=r"node 'cuont': no such node .*\(did you mean 'count'") as refusal:
        daemon.ask("metrics", pipeline="tiny", node="cuont")
    assert refusal.value.code == "unknown"
    with pytest.raises(ControlRefused, match="node 'nope': no such node in pipeline 'tiny'") as refusal:
        daemon.ask("artifacts", pipeline="tiny", resource="nope")
    assert refusal.value.hint == "its nodes: store, incoming, count"
    assert daemon.ask("metrics", pipeline="tiny", node="count") == []
    with pytest.raises(ControlRefused, match=r"cannot stop pipeline 'tini': no such pipeline \(did you mean 'tiny'"):
        daemon.ask("stop", target="tini")
    with pytest.raises(ControlRefused, match="cannot show run 7: no such run in pipeline 'tiny'"):
        daemon.ask("run", pipeline="tiny", run_id=7)
    with pytest.raises(ControlRefused, match=r"cannot show runs of: state is to be one of running, .* not 'odd'"):
        daemon.ask("runs", pipeline="tiny", state="odd")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import no_such_module_at_all", "no_such_module_at_all"),
        ("def broken(:", "SyntaxError"),
        ("x = 1", "Pipeline"),
        ("import os\nprint('on the way', flush=True)\nos._exit(7)", "exit code 7"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", f"signal {signal.SIGSEGV.value}"),
    ],
    ids=["broken import", "syntax error", "no pipeline", "exits", "segfaults"],
)
def test_a_broken_file_is_explained_registers_nothing_and_harms_nobody(daemon: Daemon, text: str, words: str) -> None:
    daemon.start(daemon.write("tiny.py"))
    before = daemon.pids()

    with pytest.raises(ControlRefused) as refusal:
        daemon.start(daemon.write("broken.py", text))

    assert str(refusal.value).startswith("cannot start ")
    assert words in str(refusal.value)
    assert [each["name"] for each in daemon.ask("status")["pipelines"]] == ["tiny"]
    assert daemon.pids() == before
    assert not list(daemon.home.path.glob("loading-*"))


def test_a_file_that_is_not_there_and_a_python_that_is_none_are_named(daemon: Daemon) -> None:
    with pytest.raises(ControlRefused, match="there is no such file"):
        daemon.start(daemon.folder / "nowhere.py")
    with pytest.raises(ControlRefused, match="/no/python is no program that can be executed"):
        daemon.start(daemon.write("tiny.py"), python="/no/python")
    with pytest.raises(ControlRefused, match="cannot name a pipeline"):
        daemon.start(daemon.write("tiny.py"), name="../evil")


def test_a_second_file_with_the_same_pipeline_name_is_refused_and_may_have_another_name(daemon: Daemon) -> None:
    daemon.start(daemon.write("tiny.py"))
    other = daemon.write("other.py", TINY.replace("metadata.db", "other.db"))

    with pytest.raises(ControlRefused, match=r"registered already, from .*/tiny\.py; `anacostiactl remove tiny` first"):
        daemon.start(other)
    daemon.ask("stop", target="tiny")
    with pytest.raises(ControlRefused, match=r"registered already, from .*/tiny\.py; `anacostiactl remove tiny` first"):
        daemon.start(other)
    assert daemon.start(other, name="second")["pipeline"] == "second"
    assert [each["phase"] for each in daemon.ask("status")["pipelines"]] == ["down", "ready"]


def test_a_node_that_does_not_get_ready_makes_its_start_fail_with_the_reason(daemon: Daemon) -> None:
    setup = '\n        def setup(self):\n            raise OSError("no licence server")\n'
    path = daemon.write("tiny.py", TINY.replace("        restart =", f"{setup}\n        restart ="))

    with pytest.raises(ControlRefused) as refusal:
        daemon.start(path)

    assert "cannot start pipeline 'tiny': node 'count'" in str(refusal.value)
    assert "no licence server" in str(refusal.value)
    assert str(daemon.home.log_file("tiny", "count")) in refusal.value.hint
    daemon.until(lambda: daemon.nodes()["count"]["phase"] == "failed", "the end of its restarts")
    assert daemon.nodes()["incoming"]["phase"] == "ready"


def test_a_node_that_is_killed_comes_back(daemon: Daemon) -> None:
    daemon.start(daemon.write("tiny.py"))
    before = daemon.nodes()["count"]

    os.kill(before["pid"], signal.SIGKILL)

    daemon.until(lambda: daemon.nodes()["count"]["incarnation"] == before["incarnation"] + 1, "its restart")
    daemon.until_ready()
    after = daemon.nodes()["count"]
    assert after["restarts"] == 1
    assert (after["last_end"]["signal"], after["last_end"]["exit_code"]) == (signal.SIGKILL, None)


def test_a_second_daemon_is_refused_and_told_who_holds_the_home(daemon: Daemon) -> None:
    command = [sys.executable, "-m", "anacostia_daemon", "--home", str(daemon.home.path)]

    second = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert second.returncode == 75
    assert f"cannot start: a daemon (pid {daemon.pid}) already holds {daemon.home.path}" in second.stderr
    assert daemon.ask("version")["pid"] == daemon.pid


def test_stale_files_of_a_daemon_that_was_killed_are_taken_over(daemon: Daemon) -> None:
    daemon.kill()
    assert daemon.home.control_socket.exists()
    assert daemon.home.lock.read_text().strip()

    daemon.spawn()

    assert daemon.ask("version")["pid"] == daemon.pid


def test_a_home_that_cannot_be_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    long = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path / ("x" * 100))}
    command = [sys.executable, "-m", "anacostia_daemon", "--home"]

    no_folder = subprocess.run([*command, str(tmp_path / "file")], capture_output=True, text=True, check=False)
    too_long = subprocess.run([*command, str(tmp_path / "home")], capture_output=True, text=True, check=False, env=long)

    assert no_folder.returncode == too_long.returncode == 1
    assert f"anacostiad: cannot use directory {tmp_path}/file" in no_folder.stderr
    assert "set XDG_RUNTIME_DIR to a shorter directory" in too_long.stderr
    assert "Traceback" not in no_folder.stderr + too_long.stderr


def test_garbage_at_its_sockets_does_not_disturb_the_daemon(daemon: Daemon) -> None:
    daemon.start(daemon.write("tiny.py"))
    for path in (daemon.home.control_socket, daemon.home.link_socket, daemon.home.loader_socket("tiny")):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            sock.sendall(b"\xff" * 4096)

    assert daemon.pipeline()["phase"] == "ready"


def test_a_daemon_that_belongs_to_a_terminal_shuts_down_when_that_is_gone(daemon: Daemon) -> None:
    daemon.kill()
    reader, writer = os.pipe()
    daemon.spawn("--end-with-fd", str(reader), pass_fds=(reader,))
    os.close(reader)
    daemon.start(daemon.write("tiny.py"))

    os.close(writer)

    assert daemon.wait() == 0
    assert daemon.living == {}
