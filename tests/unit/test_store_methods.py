"""The methods of a metadata store as nodes call them, on a store in memory."""

import math
from datetime import datetime

import pytest

from node_sdk.errors import ArtifactNotFound, InvalidValue, NotRunning, Refused
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.metadata.memory import MemoryMetadataStore
from node_sdk.nodes.binding import Binding, Task
from node_sdk.resources import FilesystemStoreNode
from node_sdk.testing.asking import Asker, action, graph


class Access:
    def __init__(self, asker: Asker, node: str) -> None:
        self.asker, self.node = asker, node

    def ask(self, operation):
        return self.asker.ask(self.node, operation)

    tell = ask


@pytest.fixture
def asker():
    return Asker(MemoryMetadataStore(), graph(action("train", "data"), action("check", "train")))


@pytest.fixture
def in_process_of(asker):
    def bind(node: str, task: Task | None = None):
        handle = SqliteMetadataStore("store", "sqlite:///somewhere.db")  # here only a handle, as in a node's process
        handle.bind(Binding("tested", node, asker.incarnations[node], Access(asker, node), lambda: None, task))
        return handle

    return bind


@pytest.fixture
def run(asker):
    return asker.run("a", "b")


@pytest.fixture
def train(asker, run, in_process_of):
    asker.begin("train", run)
    return in_process_of("train", Task(run, "train", 1))


def test_outside_of_a_pipeline_the_methods_say_what_is_missing():
    with pytest.raises(NotRunning, match="cannot log metrics through node 's'"):
        SqliteMetadataStore("s", "sqlite:///x.db").log_metrics(loss=1)


def test_metrics_come_back_with_their_run_node_and_step(train, run):
    train.log_metrics(loss=0.5, self=1)
    train.log_metrics(loss=0.25, step=2)
    rows = train.get_metrics("train", run)
    assert [(row["run_id"], row["node"], row["key"], row["value"], row["step"]) for row in rows] == [
        (run, "train", "loss", 0.5, None),
        (run, "train", "self", 1.0, None),
        (run, "train", "loss", 0.25, 2),
    ]
    assert datetime.fromisoformat(rows[0]["logged_at"]).utcoffset().total_seconds() == 0
    assert train.get_metrics("check") == train.get_metrics(run_id=run + 1) == []


def test_metrics_outside_of_a_task_belong_to_no_run(in_process_of):
    store = in_process_of("data")
    store.log_metrics(files=1)
    store.log_metrics(files=2)
    assert [(row["run_id"], row["value"]) for row in store.get_metrics("data")] == [(None, 1.0), (None, 2.0)]


def test_a_metric_that_is_no_number_is_refused_by_name(train):
    with pytest.raises(InvalidValue, match="metric 'loss' of node 'train': it is nan"):
        train.log_metrics(accuracy=1, loss=math.nan)
    with pytest.raises(InvalidValue, match="metric 'loss' of node 'train'"):
        train.log_metrics(loss="low")
    assert train.get_metrics() == []


def test_of_params_and_tags_the_last_value_wins(train, run):
    train.log_params(rate=0.1, layers=[1, 2])
    train.log_params(rate=0.2)
    train.set_tags(author="me")
    assert {row["key"]: row["value"] for row in train.get_params("train", run)} == {"rate": 0.2, "layers": [1, 2]}
    assert [(row["key"], row["value"]) for row in train.get_tags()] == [("author", "me")]
    with pytest.raises(InvalidValue, match="param 'model' of node 'train': object is no plain value"):
        train.log_params(model=object())


def test_runs_come_newest_first_with_their_tasks(asker, run, train):
    asker.complete("train", run, "failed")
    second = train.start_run()
    newest, oldest = train.get_runs()
    assert (newest["id"], newest["state"], newest["trigger"], newest["pipeline"]) == (
        second,
        "running",
        "manual",
        "tested",
    )
    assert (oldest["id"], oldest["state"]) == (run, "failed")
    assert [(task["node"], task["state"]) for task in oldest["tasks"]][-2:] == [
        ("train", "failed"),
        ("check", "skipped"),
    ]
    assert oldest["tasks"][-1]["error"] == "its trigger_rule is all_success, and train is failed"
    assert [each["id"] for each in train.get_runs(state="failed", limit=5)] == [run]
    assert oldest["tasks"] == train.get_tasks(run)


def test_the_run_is_that_of_the_task_and_elsewhere_the_newest(asker, run, train, in_process_of):
    assert train.get_run_id() == run
    newer = in_process_of("store").start_run()
    assert train.get_run_id() == run
    assert in_process_of("store").get_run_id() == newer
    train.end_run()
    train.end_run(newer, state="succeeded")
    assert (asker.run_state(run), asker.run_state(newer)) == ("cancelled", "succeeded")
    assert in_process_of("store").get_run_id() is None


def test_entries_are_created_found_and_counted(in_process_of, train, run):
    store = in_process_of("data")
    entry = store.create_entry("data", "c", sha256="abc", size=3)
    assert store.create_entry("data", "c", sha256="abc", size=3) == entry
    assert store.get_entry("data", entry)["state"] == "new"
    assert [store.get_num_entries("data", state) for state in ("new", "current", "old", "all")] == [1, 2, 0, 3]
    assert [row["location"] for row in store.get_entries("data", "current", run_id=run)] == ["a", "b"]
    assert (store.entry_exists("data", "a"), store.entry_exists("data", "z")) == (True, False)
    current = train.create_entry("models", "m", state="current")
    assert train.get_entry("models", current)["run_id"] == run


def test_a_resource_may_be_given_as_its_node(in_process_of, train, run):
    store = in_process_of("data")
    node = FilesystemStoreNode("data", "/nowhere", store)
    entry = store.create_entry(node, "c", sha256="abc", size=3)
    assert store.get_entries(node, "new") == store.get_entries("data", "new") == [store.get_entry(node, entry)]
    assert (store.get_num_entries(node), store.entry_exists(node, "c")) == (3, True)
    store.update_entry(node, entry, state="failed")
    store.tag_artifact(node, "c", good=False)
    assert store.get_artifact_tags(node, "c") == {"good": False}
    with pytest.raises(ArtifactNotFound, match="resource 'data' has none"):
        store.get_entry(node, 99)


def test_entries_that_are_not_there_are_named(in_process_of):
    store = in_process_of("data")
    with pytest.raises(ArtifactNotFound, match="artifact 99: resource 'data'"):
        store.get_entry("data", 99)
    with pytest.raises(ArtifactNotFound, match="cannot find artifact 'z'"):
        store.tag_artifact("data", "z", good=True)
    with pytest.raises(Refused, match="no node 'nowhere'"):
        store.create_entry("nowhere", "a")
    with pytest.raises(InvalidValue, match="in state 'used'"):
        store.get_entries("data", "used")


def test_a_failed_entry_can_be_released_but_not_one_of_a_run_that_is_running(asker, run, train):
    entry = train.get_entries("data")[0]
    with pytest.raises(Refused, match="which is running, owns it"):
        train.update_entry("data", entry["id"], state="new")
    asker.complete("train", run, "failed")
    train.update_entry("data", entry["id"], state="new")
    assert train.get_entry("data", entry["id"])["run_id"] is None


def test_tags_of_artifacts_come_back(train):
    train.tag_artifact("data", "a", quality={"clean": True})
    train.tag_artifact("data", "a", quality="bad", seen=1)
    assert train.get_artifact_tags("data", "a") == {"quality": "bad", "seen": 1}


def test_more_rows_than_one_answer_holds_are_all_read(asker, train):
    asker.record(*(f"file-{n}" for n in range(2500)))
    assert len(train.get_entries("data")) == 2502
