"""What a pipeline may look like, and what is said of one that may not: one error for each rule, naming the nodes."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node_sdk import (
    BaseActionNode,
    BaseNode,
    BaseResourceNode,
    InvalidPipeline,
    InvalidValue,
    NotRunning,
    Pipeline,
    RestartPolicy,
)
from node_sdk.graph import GraphSpec
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.nodes.binding import Binding
from node_sdk.pipeline import PipelineRuns, collecting
from node_sdk.resources import FilesystemStoreNode


class Step(BaseActionNode):
    def execute(self, *args: Any, **kwargs: Any) -> bool:
        return True


class Lazy(BaseActionNode):
    pass


class Nobody:
    """A store that is not there."""

    def ask(self, operation: Any) -> Any:
        raise AssertionError(operation)

    tell = ask


def store(name: str = "store") -> SqliteMetadataStore:
    return SqliteMetadataStore(name, "sqlite:////tmp/unused.db")


def folder(name: str, of: Any, **kwargs: Any) -> FilesystemStoreNode:
    return FilesystemStoreNode(name, "/tmp/unused", of, **kwargs)


def chain() -> list[BaseNode]:
    first = store()
    inbox = folder("inbox", first)
    return [first, inbox, Step("train", [inbox])]


def test_a_valid_pipeline_knows_its_nodes_and_graph() -> None:
    nodes = chain()
    pipeline = Pipeline(list(reversed(nodes)), name="p")
    assert [node.name for node in pipeline.nodes] == ["store", "inbox", "train"]
    assert pipeline["train"] is nodes[2]
    assert pipeline.graph.successors == {"store": ("inbox",), "inbox": ("train",), "train": ()}
    assert pipeline.graph.by_name["inbox"].monitoring
    assert pipeline.model()["nodes"][1] == {
        "name": "inbox",
        "node_type": "FilesystemStoreNode",
        "base_type": "BaseResourceNode",
        "predecessors": ["store"],
        "successors": ["train"],
    }


def test_successors_stand_in_the_order_of_the_nodes_and_once() -> None:
    first = store()
    left, right = folder("left", first), folder("right", first)
    nodes = [first, left, right, *(Step(f"step-{number}", [right, left]) for number in range(20))]
    pipeline = Pipeline(nodes, name="p")
    for node in pipeline.nodes:
        after = [each for each in pipeline.nodes if any(node is other for other in each.predecessors)]
        assert node.successors == after
        assert pipeline.graph.successors[node.name] == tuple(each.name for each in after)


def test_a_graph_under_its_own_name_is_itself_with_what_it_has_found_out() -> None:
    graph = Pipeline(chain(), name="p").graph
    assert graph.named("p") is graph
    assert graph.named("q").name == "q" and graph.named("q").nodes is graph.nodes


def test_binding_a_pipeline_ties_all_of_its_nodes_and_touches_none() -> None:
    pipeline = Pipeline(chain(), name="p")
    before = [dict(vars(node)) for node in pipeline.nodes]
    binding = Binding("p", "train", 1, Nobody(), lambda: None)
    pipeline.bind(binding)
    assert [node.bound("work") for node in pipeline.nodes] == [binding] * 3
    assert [dict(vars(node)) for node in pipeline.nodes] == before
    pipeline.bind(None)
    with pytest.raises(NotRunning):
        pipeline["train"].bound("work")


def test_nodes_that_two_pipelines_have_are_bound_by_whichever_runs() -> None:
    nodes = chain()
    one, other = Pipeline(nodes, name="one"), Pipeline(nodes, name="other")
    for pipeline in (one, other, one):
        binding = Binding(pipeline.name, "train", 1, Nobody(), lambda: None)
        pipeline.bind(binding)
        assert {id(node.bound("work")) for node in nodes} == {id(binding)}


def test_the_loggers_of_a_pipeline_are_those_of_its_nodes_each_once() -> None:
    nodes, one, other = chain(), logging.getLogger("one"), logging.getLogger("other")
    pipeline = Pipeline(nodes, name="p", loggers=one)
    nodes[2].add_loggers(other)
    assert pipeline.loggers == [one, other]


def test_the_graph_survives_json() -> None:
    pipeline = Pipeline(chain(), name="p", trigger="any", max_concurrent_runs=4)
    graph = Pipeline.from_json(pipeline.to_json())
    assert isinstance(graph, GraphSpec)
    assert graph == pipeline.graph


def test_an_unknown_node_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(KeyError, match=r"no such node in pipeline 'p': 'trian' \(did you mean 'train'\?\)"):
        Pipeline(chain(), name="p")["trian"]


def two_stores() -> list[Any]:
    nodes = chain()
    return [*nodes, store("second")]


def cycle() -> list[Any]:
    nodes = chain()
    one = Step("one", [nodes[1]])
    two = Step("two", [one])
    one.predecessors.append(two)
    return [*nodes, one, two]


def refers_to_a_stranger() -> list[Any]:
    nodes = chain()
    nodes[2].elsewhere = folder("stranger", store("other"), monitoring=False)  # type: ignore[attr-defined]
    return nodes


def forgets_the_last() -> list[Any]:
    nodes = chain()
    Step("evaluate", [nodes[2]])
    return nodes


class Uninitialised(BaseActionNode):
    def __init__(self) -> None:
        self.name = "u"


def changed(index: int, **values: Any) -> Callable[[], list[Any]]:
    def make() -> list[Any]:
        nodes = chain()
        for name, value in values.items():
            setattr(nodes[index], name, value)
        return nodes

    return make


def with_node(make: Callable[[list[Any]], Any]) -> Callable[[], list[Any]]:
    def build() -> list[Any]:
        nodes: list[Any] = list(chain())
        return [*nodes, make(nodes)]

    return build


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        (lambda: ["train"], "'train': a str is no node"),
        (lambda: [BaseNode("x")], "'x' .BaseNode.: derive it from"),
        (lambda: chain()[1:], "'store', a predecessor of 'inbox', is not in `nodes`"),
        (list, "no metadata store"),
        (two_stores, "2 metadata stores .'store', 'second'."),
        (with_node(lambda nodes: Step("train", [nodes[1]])), "two nodes are called 'train'"),
        (with_node(lambda nodes: nodes[2]), "'train' stands in `nodes` twice"),
        (cycle, "cycle: '(one|two)' -> '(one|two)' -> '(one|two)'"),
        (with_node(lambda nodes: Step("alone", [])), "'alone' has no predecessors"),
        (with_node(lambda nodes: Step("x", [nodes[1], nodes[1]])), "'x' names a predecessor twice"),
        (with_node(lambda nodes: Step("x", ["inbox"])), "'inbox' as a predecessor of node 'x'"),  # type: ignore[list-item]
        (with_node(lambda nodes: folder("idle", nodes[0])), "monitored resource 'idle' has no successor"),
        (with_node(lambda nodes: Lazy("lazy", [nodes[1]])), "'lazy': its class Lazy does not override execute"),
        (refers_to_a_stranger, "'train' refers to 'stranger' .as its elsewhere."),
        (forgets_the_last, "'evaluate', a successor of 'train', is not in `nodes`"),
        (with_node(lambda nodes: Uninitialised()), "Uninitialised: its __init__ does not call super"),
        (changed(2, start_timeout=0), "'train': its start_timeout is 0"),
        (changed(2, heartbeat_timeout=float("inf")), "heartbeat_timeout is inf"),
        (changed(1, stop_timeout="10"), "'inbox': its stop_timeout is '10'"),
        (changed(2, start_method="clone"), "start_method is 'clone', one of 'fork', 'spawn'"),
        (changed(2, trigger_rule="some"), "trigger_rule is 'some'"),
        (changed(2, retries=-1), "retries is -1, a whole number from 0"),
        (changed(2, retry_delay=float("nan")), "retry_delay is nan, a number of seconds from 0"),
        (changed(2, timeout=0), "timeout is 0, a number of seconds above 0 is needed, or None"),
        (changed(2, restart="always"), "its restart is 'always'"),
    ],
)
def test_a_broken_rule_is_named_with_its_nodes(nodes: Callable[[], list[Any]], words: str) -> None:
    with pytest.raises(InvalidPipeline, match=words):
        Pipeline(nodes(), name="p")


def test_a_resource_follows_the_store_alone() -> None:
    nodes = chain()
    late = folder("late", nodes[0], monitoring=False)
    late.predecessors.append(nodes[2])
    with pytest.raises(InvalidPipeline, match=r"resource 'late' has predecessors \('store', 'train'\)"):
        Pipeline([*nodes, late], name="p")


def test_a_store_is_the_root() -> None:
    nodes = chain()
    nodes[0].predecessors.append(folder("before", nodes[0], monitoring=False))
    with pytest.raises(InvalidPipeline, match="cycle"):
        Pipeline([*nodes, nodes[0].predecessors[0]], name="p")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"name": "a b"}, "cannot name a pipeline 'a b'"),
        ({"trigger": "some"}, "trigger='some'"),
        ({"max_concurrent_runs": 0}, "max_concurrent_runs=0"),
        ({"max_crashes": True}, "max_crashes=True"),
    ],
)
def test_a_setting_of_the_pipeline_that_makes_no_sense_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidPipeline, match=words):
        Pipeline(chain(), **{"name": "p", **settings})


def test_a_deep_graph_is_checked_without_recursion() -> None:
    nodes: list[Any] = list(chain())
    for number in range(2000):
        nodes.append(Step(f"s{number}", [nodes[-1]]))
    assert len(Pipeline(nodes, name="deep").nodes) == 2003


def test_collecting_gathers_pipelines_and_run_leaves_the_script() -> None:
    with collecting() as found:
        pipeline = Pipeline(chain(), name="p")
        with pytest.raises(PipelineRuns) as left:
            pipeline.run()
    assert found == [pipeline]
    assert left.value.pipeline is pipeline


def test_run_without_a_file_says_what_to_do() -> None:
    code = (
        "from tests.unit.test_sdk_pipeline import chain\nfrom node_sdk import Pipeline\n"
        "try:\n    Pipeline(chain(), name='p').run()\nexcept Exception as e:\n    print(type(e).__name__, e)"
    )
    root = Path(__file__).parents[2]
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True).stdout
    assert said.startswith("NotRunning cannot run pipeline 'p' from here")


def test_a_handle_outside_of_a_running_pipeline_says_so() -> None:
    nodes = chain()
    with pytest.raises(NotRunning, match="cannot log metrics"):
        nodes[0].log_metrics(loss=1.0)  # type: ignore[attr-defined]
    with pytest.raises(NotRunning, match="cannot count artifacts through node 'inbox'"):
        nodes[1].get_num_artifacts("new")  # type: ignore[attr-defined]
    with pytest.raises(NotRunning, match="cannot read run_id"):
        _ = nodes[2].run_id  # type: ignore[attr-defined]


def test_logging_at_an_unknown_level_is_refused() -> None:
    with pytest.raises(InvalidValue, match="level 'LOUD'"):
        chain()[2].log("hello", level="LOUD")


def test_policies_stand_on_the_class_or_on_the_object() -> None:
    nodes = chain()
    nodes[2].restart = RestartPolicy(max_restarts=1)
    graph = Pipeline(nodes, name="p").graph
    assert graph.by_name["train"].restart.max_restarts == 1
    assert graph.by_name["inbox"].restart.max_restarts == 5
    assert graph.store.restart.max_restarts is None, "without its store nobody can work"


def test_a_store_does_not_show_its_password() -> None:
    nodes = chain()
    nodes[0].uri = "postgresql://me:secret@host/db"  # type: ignore[attr-defined]
    assert "secret" not in Pipeline(nodes, name="p").to_json()


def test_importing_the_sdk_is_light() -> None:
    code = (
        "import sys, node_sdk, node_sdk.metadata, node_sdk.resources\n"
        "heavy = {'sqlalchemy', 'watchdog', 'psutil', 'click', 'alembic', 'asyncio', 'anacostia_daemon'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def test_a_resource_is_a_resource() -> None:
    assert issubclass(FilesystemStoreNode, BaseResourceNode)


def test_the_name_comes_from_the_file_with_what_is_illegal_replaced(tmp_path: Path) -> None:
    script = tmp_path / "my pipeline (2).py"
    script.write_text(
        "from tests.unit.test_sdk_pipeline import chain\nfrom node_sdk import Pipeline\nprint(Pipeline(chain()).name)"
    )
    root = Path(__file__).parents[2]
    env = {"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"}
    said = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env=env, check=True).stdout
    assert said == "my-pipeline-2-\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_script_reaches_the_supervisor_and_its_status_comes_back(number: signal.Signals) -> None:
    supervisor = (
        "import os, signal, sys\n"
        "wakes, wake = os.pipe()\n"  # remembers a signal that comes before the wait; signal.pause() would miss it
        "os.set_blocking(wake, False)\n"
        "signal.set_wakeup_fd(wake)\n"
        f"signal.signal({int(number)}, lambda *_: sys.exit(7))\n"
        "print('waiting', flush=True)\n"
        "os.read(wakes, 1)"
    )
    script = (
        "import sys\nfrom node_sdk.pipeline import _foreground\n"
        f"status = _foreground([sys.executable, '-c', {supervisor!r}], {{}})\nprint('status', status)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(number)
        assert process.stdout.read() == "status 7\n"
    assert process.returncode == 0
