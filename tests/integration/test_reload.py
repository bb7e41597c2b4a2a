"""Reload against a real daemon: only what changed is touched, a broken file changes nothing, no run is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from anacostia_daemon.control.client import Client, ControlRefused

from .daemon_process import TIMEOUT, Daemon, daemon_of_a_test, lives

pytestmark = pytest.mark.slow

HEAD = """
import time
from pathlib import Path

from node_sdk import BaseActionNode, Pipeline, RestartPolicy
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode

here = Path(__file__).parent


class Action(BaseActionNode):
    restart = RestartPolicy(max_restarts=2, backoff_initial=0.05)

    def __init__(self, name, predecessors, store, value=1):
        self.store, self.value = store, value
        super().__init__(name, predecessors)


class Count(Action):
    def execute(self, *args, **kwargs):
        self.store.log_metrics(count=1)
        return True


store = SqliteMetadataStore("store", f"sqlite:///{here}/metadata.db")
incoming = FilesystemStoreNode("incoming", here / "incoming", store)
count = Count("count", [incoming], store)
"""
TAIL = """
pipeline = Pipeline([{nodes}], name="tiny")
"""
SECOND = """
class Double(Action):
    def execute(self, *args, **kwargs):
        self.store.log_metrics(double=2 * self.value)
        return True


double = Double("double", [count], store)
"""


def text(*more: str, nodes: str = "store, incoming, count", head: str = HEAD) -> str:
    return "".join((head, *more, TAIL.format(nodes=nodes)))


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with daemon_of_a_test() as made:
        yield made


@pytest.fixture
def file(daemon: Daemon) -> Path:
    """A pipeline of three nodes that runs."""
    path = daemon.write("tiny.py", text())
    daemon.start(path)
    return path


def reload(daemon: Daemon, file: Path, content: str, **arguments: Any) -> Any:
    file.write_text(content)
    return daemon.ask("reload", pipeline="tiny", **arguments)


def run(daemon: Daemon, name: str) -> dict[str, Any]:
    """A run of one artifact, once it has ended."""
    before = len(daemon.ask("runs", pipeline="tiny"))
    (daemon.folder / "incoming" / name).write_text(name)
    daemon.until(lambda: len(ended(daemon)) > before, f"the run of {name}")
    return dict(ended(daemon)[0])


def ended(daemon: Daemon) -> list[dict[str, Any]]:
    return [each for each in daemon.ask("runs", pipeline="tiny") if each["state"] != "running"]


def loaders(daemon: Daemon) -> list[str]:
    return [path.name for path in daemon.home.loader_sockets("tiny")]


def test_a_file_that_is_as_it_was_touches_nothing(daemon: Daemon, file: Path) -> None:
    before = daemon.pids()

    done = reload(daemon, file, text() + "\n# a remark is no change\n")

    assert (done["added"], done["removed"], done["changed"]) == ([], [], {})
    assert daemon.pids() == before
    daemon.until(lambda: loaders(daemon) == ["loader.sock"], "the second loader is gone")


def test_only_the_node_whose_code_changed_gets_a_new_process(daemon: Daemon, file: Path) -> None:
    reload(daemon, file, text(SECOND, nodes="store, incoming, count, double"))
    before = daemon.pids()

    done = reload(daemon, file, text(SECOND.replace("2 * self", "3 * self"), nodes="store, incoming, count, double"))

    assert done["changed"] == {"double": "its code"}
    after = daemon.pids()
    assert {name for name, pid in after.items() if pid != before[name]} == {"double"}
    run(daemon, "a.txt")
    assert {row["key"]: row["value"] for row in daemon.ask("metrics", pipeline="tiny")} == {"count": 1, "double": 3}


def test_an_argument_of_a_constructor_is_a_change_of_its_node_alone(daemon: Daemon, file: Path) -> None:
    changed = text().replace("[incoming], store)", "[incoming], store, value=2)")
    assert reload(daemon, file, changed)["changed"] == {"count": "its code"}


def test_a_module_that_nodes_import_counts_for_those_that_use_it(daemon: Daemon, file: Path) -> None:
    factor = daemon.folder / "factor.py"
    factor.write_text("FACTOR = 2\n")
    uses = "import factor\n" + SECOND.replace("2 * self", "factor.FACTOR * self")
    nodes = "store, incoming, count, double"
    reload(daemon, file, text(uses, nodes=nodes))
    before = daemon.pids()
    factor.write_text("FACTOR = 5\n")

    assert daemon.ask("reload", pipeline="tiny")["changed"] == {"double": "its code"}

    assert {name for name, pid in daemon.pids().items() if pid != before[name]} == {"double"}
    run(daemon, "a.txt")
    assert ("double", 5) in [(row["key"], row["value"]) for row in daemon.ask("metrics", pipeline="tiny")]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("x = (", "'(' was never closed in line 1"),
        ("import nowhere_to_be_found\n", "no module 'nowhere_to_be_found'"),
        (text() + "\nraise ValueError('not today')\n", "ValueError: not today"),
        (text(nodes="store, incoming, count, count"), "stands in `nodes` twice"),
        (text().replace('name="tiny"', 'name="other"'), "calls the pipeline 'other' now, not 'tiny'"),
        (text().replace("metadata.db", "another.db"), "its metadata store would be 'store' (SqliteMetadataStore"),
    ],
)
def test_a_file_that_cannot_be_followed_changes_nothing_and_says_why(
    daemon: Daemon, file: Path, content: str, why: str
) -> None:
    before, graph = daemon.nodes(), daemon.ask("graph", pipeline="tiny")

    with pytest.raises(ControlRefused) as refused:
        reload(daemon, file, content)

    assert str(refused.value).startswith("cannot reload pipeline 'tiny': ")
    assert why in str(refused.value)
    assert "nothing has changed" in refused.value.hint
    after = daemon.nodes()
    assert [(each["pid"], each["phase"]) for each in after.values()] == [
        (each["pid"], each["phase"]) for each in before.values()
    ]
    assert daemon.ask("graph", pipeline="tiny") == graph
    assert run(daemon, "a.txt")["state"] == "succeeded"
    daemon.until(lambda: loaders(daemon) == ["loader.sock"], "the second loader is gone")


def test_the_traceback_of_a_broken_file_is_shown(daemon: Daemon, file: Path) -> None:
    with pytest.raises(ControlRefused, match=r"line .*, in broken"):
        reload(daemon, file, text() + "\ndef broken():\n    return 1 / 0\n\n\nbroken()\n")


def test_a_pipeline_grows_while_it_runs_and_no_run_is_lost(daemon: Daemon, file: Path) -> None:
    """Store, folder and one action; then an output; then two more actions."""
    saving = SECOND.replace("self.store.log", "(here / 'seen.txt').open('a').write('x'); self.store.log")
    output = 'models = FilesystemStoreNode("models", here / "models", store, monitoring=False)\n'
    more = saving + SECOND.replace("Double", "Triple").replace("double", "triple")
    for number in range(3):
        (daemon.folder / "incoming" / f"before{number}").write_text(str(number))
    before = daemon.pids()

    assert reload(daemon, file, text(output, nodes="store, incoming, count, models"))["added"] == ["models"]
    for number in range(3):
        (daemon.folder / "incoming" / f"between{number}").write_text(str(number))
    done = reload(daemon, file, text(output, more, nodes="store, incoming, models, count, double, triple"))

    assert done["added"] == ["double", "triple"]
    after = daemon.pids()
    assert {name for name in before if after[name] != before[name]} == {"store"}  # it decides about the graph
    assert len(run(daemon, "last")["tasks"]) == 6
    artifacts = daemon.ask("artifacts", pipeline="tiny")
    assert {each["state"] for each in artifacts} == {"old"}
    assert len(artifacts) == 7
    runs = ended(daemon)
    assert {each["state"] for each in runs} == {"succeeded"}
    assert {each["run_id"] for each in artifacts} == {each["id"] for each in runs}


def test_a_node_may_become_one_of_another_class(daemon: Daemon, file: Path) -> None:
    other = text(SECOND, nodes="store, incoming, count").replace('count = Count("count"', 'count_ = Count("nobody"')
    other = other.replace('double = Double("double", [count], store)', 'count = Double("count", [incoming], store)')
    other = other.replace('count_ = Count("nobody", [incoming], store)', "")

    assert "its class" in reload(daemon, file, other)["changed"]["count"]

    run(daemon, "a.txt")
    assert [row["key"] for row in daemon.ask("metrics", pipeline="tiny")] == ["double"]
    assert {node["name"]: node["type"] for node in daemon.pipeline()["nodes"]}["count"] == "Double"


def test_a_node_that_is_removed_goes_and_is_forgotten(daemon: Daemon, file: Path) -> None:
    nodes = "store, incoming, count, double"
    reload(daemon, file, text(SECOND, nodes=nodes))
    before = daemon.nodes()

    assert reload(daemon, file, text())["removed"] == ["double"]

    assert set(daemon.nodes()) == {"store", "incoming", "count"}
    assert not lives(before["double"])
    assert daemon.journal_rows("nodes", "name") == ["count", "incoming", "store"]
    reload(daemon, file, text(SECOND, nodes=nodes))
    assert daemon.nodes()["double"]["incarnation"] == 2  # numbers are never given twice


def test_a_stopped_pipeline_is_not_reloaded(daemon: Daemon, file: Path) -> None:
    daemon.ask("stop", target="tiny")
    with pytest.raises(ControlRefused, match="cannot reload pipeline 'tiny': it is stopped") as refused:
        daemon.ask("reload", pipeline="tiny")
    assert "anacostiactl start tiny" in refused.value.hint


def test_a_node_that_somebody_stopped_stays_so_and_starts_as_the_file_says(daemon: Daemon, file: Path) -> None:
    daemon.ask("stop", target="tiny/count")
    reload(daemon, file, text().replace("count=1", "count=7"))
    assert daemon.nodes()["count"]["phase"] == "down"
    daemon.ask("start", target="tiny/count")
    run(daemon, "a.txt")
    assert [row["value"] for row in daemon.ask("metrics", pipeline="tiny")] == [7]


def test_a_reload_gives_a_node_that_failed_another_chance(daemon: Daemon, file: Path) -> None:
    failing = text().replace(
        "    def execute", "    def setup(self):\n        raise OSError('no GPU')\n\n    def execute"
    )
    with pytest.raises(ControlRefused, match="no GPU"):
        reload(daemon, file, failing)
    daemon.until(lambda: daemon.nodes()["count"]["phase"] == "failed", "its restarts are spent")
    reload(daemon, file, text())
    assert daemon.nodes()["count"]["phase"] == "ready"


BARE = HEAD.replace('count = Count("count", [incoming], store)\n', "")
SLOW = """
class Slow(Action):
    def execute(self, *args, **kwargs):
        (here / "begun").touch()
        while not (here / "go").exists():
            time.sleep(0.01)
        self.store.log_metrics(slow=self.value)
        return True


count = Slow("count", [incoming], store)
"""


def test_a_changed_node_ends_the_task_it_executes_and_the_rest_is_done_by_the_new_code(
    daemon: Daemon, file: Path
) -> None:
    nodes = "store, incoming, count, double"
    reload(daemon, file, text(SLOW, SECOND, nodes=nodes, head=BARE))
    (daemon.folder / "incoming" / "a").write_text("a")
    daemon.until((daemon.folder / "begun").exists, "the task is being executed")

    newer = (SLOW.replace("self.value", "100"), SECOND.replace("2 * self", "50 * self"))
    reload(daemon, file, text(*newer, nodes=nodes, head=BARE), wait=False)
    daemon.until(lambda: daemon.nodes()["count"]["phase"] == "stopping", "it is asked to end")
    (daemon.folder / "go").touch()

    daemon.until(lambda: bool(ended(daemon)), "the run")
    daemon.until_ready()
    found = {row["key"]: row["value"] for row in daemon.ask("metrics", pipeline="tiny")}
    assert found == {"slow": 1, "double": 50}
    [only] = ended(daemon)
    assert only["state"] == "succeeded"
    assert {task["node"]: task["attempts"] for task in only["tasks"]}["count"] == 1


def test_the_open_task_of_a_removed_node_does_not_hold_up_its_run(daemon: Daemon, file: Path) -> None:
    nodes = "store, incoming, count, double"
    reload(daemon, file, text(SLOW, SECOND, nodes=nodes, head=BARE))
    (daemon.folder / "incoming" / "a").write_text("a")
    daemon.until((daemon.folder / "begun").exists, "the task is being executed")

    reload(daemon, file, text(SLOW, head=BARE))  # without `double`, whose task waits
    (daemon.folder / "go").touch()

    daemon.until(lambda: bool(ended(daemon)), "the run")
    tasks = {task["node"]: task for task in daemon.ask("run", pipeline="tiny", run_id=1)["tasks"]}
    assert tasks["count"]["state"] == "succeeded"
    assert tasks["double"]["state"] == "cancelled"
    assert "no longer part of the pipeline" in tasks["double"]["error"]


def test_a_removed_node_ends_the_task_that_it_executes(daemon: Daemon, file: Path) -> None:
    reload(daemon, file, text(SLOW, SECOND, nodes="store, incoming, count, double", head=BARE))
    (daemon.folder / "incoming" / "a").write_text("a")
    daemon.until((daemon.folder / "begun").exists, "the task is being executed")
    after = SECOND.replace("[count]", "[incoming]")

    reload(daemon, file, text(after, nodes="store, incoming, double", head=BARE), wait=False)
    daemon.until(lambda: daemon.nodes()["count"]["phase"] == "stopping", "it is asked to end")
    assert daemon.nodes()["count"]["desired"] == "down"
    (daemon.folder / "go").touch()

    daemon.until(lambda: "count" not in daemon.nodes(), "it is gone")
    daemon.until(lambda: bool(ended(daemon)), "the run")
    assert {task["node"]: task["state"] for task in ended(daemon)[0]["tasks"]} == {
        "store": "succeeded",
        "incoming": "succeeded",
        "count": "succeeded",
        "double": "succeeded",
    }
    assert {row["key"] for row in daemon.ask("metrics", pipeline="tiny")} == {"slow", "double"}


def test_a_second_reload_waits_for_the_first_and_reads_the_file_anew(daemon: Daemon, file: Path) -> None:
    gate = f"{file}.gate"
    os.mkfifo(gate)
    file.write_text("open(__file__ + '.gate').read()\n" + text().replace("count=1", "count=2"))
    said: list[str] = []
    with ThreadPoolExecutor() as pool, Client(daemon.home) as one, Client(daemon.home) as two:
        first = pool.submit(one.request, "reload", {"pipeline": "tiny"}, None, TIMEOUT)
        opened = os.open(gate, os.O_WRONLY)  # its loader reads the other end
        second = pool.submit(two.request, "reload", {"pipeline": "tiny"}, said.append, TIMEOUT)
        daemon.until(lambda: "waiting for an earlier reload to be over" in said, "the second waits")
        file.write_text(text().replace("count=1", "count=3"))
        os.close(opened)
        assert first.result()["changed"] == second.result()["changed"] == {"count": "its code"}
    run(daemon, "a.txt")
    assert [row["value"] for row in daemon.ask("metrics", pipeline="tiny")] == [3]


def test_a_daemon_that_comes_back_finds_nodes_of_two_loaders_and_keeps_them(daemon: Daemon, file: Path) -> None:
    reload(daemon, file, text(SECOND, nodes="store, incoming, count, double"))
    before = daemon.pids()
    assert len(loaders(daemon)) == 2

    daemon.kill()
    os.kill(before["count"], signal.SIGKILL)  # a child of the older loader
    daemon.spawn()
    daemon.until_ready()

    after = daemon.nodes()
    assert {name for name in after if after[name]["pid"] != before[name]} == {"count"}
    assert after["count"]["last_end"]["signal"] == signal.SIGKILL
    assert run(daemon, "a.txt")["state"] == "succeeded"
    daemon.ask("restart", target="tiny/incoming")
    daemon.until(lambda: len(loaders(daemon)) == 1, "the older loader ends with the last of its nodes")


def test_loaders_that_are_killed_leave_nothing_behind_and_their_nodes_live_on(daemon: Daemon, file: Path) -> None:
    newer = text(SECOND, nodes="store, incoming, count, double")
    reload(daemon, file, newer)
    before = daemon.pids()
    for each in daemon.journal_rows("loaders", "pid"):
        os.kill(each, signal.SIGKILL)
    daemon.until(lambda: loaders(daemon) == ["loader.sock"], "what the second loader left is swept up")
    assert daemon.pids() == before

    os.kill(before["double"], signal.SIGKILL)
    daemon.until(lambda: daemon.nodes()["double"]["incarnation"] == 2, "a third loader starts it again")
    daemon.until_ready()
    reload(daemon, file, newer.replace("2 * self", "3 * self"))
    daemon.kill()
    for each in daemon.journal_rows("loaders", "pid"):
        os.kill(each, signal.SIGKILL)
    daemon.spawn()
    daemon.until(lambda: len(loaders(daemon)) <= 1, "what was left while no daemon lived is swept up")
    daemon.until_ready()
    assert {name for name, pid in daemon.pids().items() if pid != before[name]} == {"double"}


def test_a_node_keeps_to_the_graph_when_its_loader_is_gone_and_the_file_has_changed(daemon: Daemon, file: Path) -> None:
    before = daemon.nodes()
    loader = daemon.pipeline()["loader"]["pid"]
    file.write_text(text(SECOND, nodes="store, incoming, count, double").replace("count=1", "count=9"))
    os.kill(loader, signal.SIGKILL)
    daemon.until(lambda: daemon.pipeline()["loader"]["phase"] == "none", "the news of the loader's death")

    os.kill(before["count"]["pid"], signal.SIGKILL)
    daemon.until(lambda: "reload" in daemon.nodes()["count"]["reason"], "why it is not started")

    assert "its file has changed since it was loaded (its code)" in daemon.nodes()["count"]["reason"]
    lines = daemon.ask("journal", pipeline="tiny", limit=100)
    assert [line["node"] for line in lines if line["event"] == "file-changed"] == [None]
    assert daemon.nodes()["incoming"]["pid"] == before["incoming"]["pid"]
    daemon.ask("reload", pipeline="tiny")
    daemon.until_ready()
    run(daemon, "a.txt")
    assert {row["key"]: row["value"] for row in daemon.ask("metrics", pipeline="tiny")} == {"count": 9, "double": 2}


def test_stopping_after_reloads_leaves_no_process_and_no_loader(daemon: Daemon, file: Path) -> None:
    nodes = "store, incoming, count, double"
    for value in range(3):
        reload(daemon, file, text(SECOND.replace("2 * self", f"{value} * self"), nodes=nodes))
    daemon.ask("stop", target="tiny")
    assert daemon.living == {}
    daemon.until(lambda: loaders(daemon) == [], "all loaders are gone")
    daemon.ask("start", target="tiny")
    assert loaders(daemon) == ["loader.sock"]


def test_where_nothing_of_it_runs_a_pipeline_comes_up_as_its_file_is_then(daemon: Daemon, file: Path) -> None:
    """After a reboot, say: nobody is there to type `reload`."""
    pids = [*daemon.pids().values(), daemon.pipeline()["loader"]["pid"]]
    daemon.kill()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    file.write_text(text(SECOND, nodes="store, incoming, count, double").replace("count=1", "count=9"))

    daemon.spawn()

    daemon.until(lambda: "double" in daemon.nodes(), "the new node")
    daemon.until_ready()
    run(daemon, "a.txt")
    assert {row["key"]: row["value"] for row in daemon.ask("metrics", pipeline="tiny")} == {"count": 9, "double": 2}
    assert "double" in daemon.ask("graph", pipeline="tiny")["nodes"][-1]["name"]
    daemon.kill()
    daemon.spawn()
    daemon.until(lambda: set(daemon.nodes()) == {"store", "incoming", "count", "double"}, "what the journal holds")
    daemon.until_ready()


def test_another_metadata_store_is_not_taken_up_by_a_daemon_that_starts(daemon: Daemon, file: Path) -> None:
    pids = [*daemon.pids().values(), daemon.pipeline()["loader"]["pid"]]
    daemon.kill()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    file.write_text(text().replace("metadata.db", "another.db"))

    daemon.spawn()

    daemon.until(lambda: "its file has changed" in daemon.nodes()["store"]["reason"], "why the store is not started")
    assert not (daemon.folder / "another.db").exists()
    assert "its file has changed" in daemon.pipeline()["reason"]
    file.write_text(text())
    daemon.ask("reload", pipeline="tiny")
    daemon.until_ready()


def test_a_fresh_interpreter_that_finds_another_file_does_not_become_another_node(daemon: Daemon, file: Path) -> None:
    spawned = text().replace("class Count(Action):", "class Count(Action):\n    start_method = 'spawn'\n")
    reload(daemon, file, spawned)
    before = daemon.pids()
    file.write_text(spawned.replace("count=1", "count=9"))

    os.kill(before["count"], signal.SIGKILL)

    daemon.until(lambda: "has changed since it was loaded" in daemon.nodes()["count"]["reason"], "it is not started")
    daemon.ask("reload", pipeline="tiny")
    run(daemon, "a.txt")
    assert [row["value"] for row in daemon.ask("metrics", pipeline="tiny")] == [9]
    assert daemon.pids()["incoming"] == before["incoming"]
