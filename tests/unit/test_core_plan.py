"""The order among the nodes of a pipeline, up and down."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anacostia_daemon.core.actions import Note
from anacostia_daemon.core.events import (
    Beat,
    Event,
    Exited,
    FamilyGone,
    Found,
    Renew,
    Respec,
    Restart,
    SetDesired,
    Shutdown,
)
from anacostia_daemon.core.node import NodeState, new_node, step
from anacostia_daemon.core.plan import next_events, to_renew
from node_sdk.graph import GraphSpec, Kind, NodeSpec
from node_sdk.policy import RestartPolicy


def a_spec(name: str, kind: Kind, *predecessors: str) -> NodeSpec:
    policy = RestartPolicy(max_restarts=0)
    return NodeSpec(name=name, kind=kind, type="T", base_type="B", predecessors=predecessors, restart=policy)


GRAPH = GraphSpec(
    name="digits",
    nodes=(
        a_spec("store", "metadata_store"),
        a_spec("data", "resource", "store"),
        a_spec("train", "action", "data"),
        a_spec("test", "action", "data", "train"),
    ),
)


class Pipeline:
    """The nodes of GRAPH; what they ask for is done at once, unless a test does it itself."""

    def __init__(self, states: dict[str, NodeState] | None = None) -> None:
        self.states = states or {spec.name: new_node(spec) for spec in GRAPH.nodes}
        self.asked: list[str] = []

    def tell(self, name: str, event: Event) -> None:
        self.states[name], actions = step(self.states[name], event, 0.0)
        for each in actions:
            if not isinstance(each, Note):
                self.asked.append(f"{type(each).__name__} {name}")

    def tell_all(self, event: Event) -> None:
        for name in self.states:
            self.tell(name, event)

    def plan(self) -> list[str]:
        """Feed what the plan gives until it gives nothing; what was asked for by that."""
        before = len(self.asked)
        while events := next_events(GRAPH, self.states):
            for name, event in events:
                self.tell(name, event)
        return self.asked[before:]

    def ready(self, name: str) -> None:
        self.tell(name, Beat(self.states[name].incarnation, True, ""))

    def gone(self, name: str, code: int = 0) -> None:
        number = self.states[name].incarnation
        self.tell(name, Exited(number, code, None))
        self.tell(name, FamilyGone(number))

    def reason(self, name: str) -> str:
        return self.states[name].reason


def running() -> Pipeline:
    pipeline = Pipeline()
    pipeline.tell_all(SetDesired("up", "asked"))
    for spec in GRAPH.nodes:
        assert pipeline.plan() == [f"Spawn {spec.name}"]
        pipeline.ready(spec.name)
    assert pipeline.plan() == []
    return pipeline


def test_nodes_start_when_their_predecessors_are_ready_and_say_meanwhile_what_they_wait_for() -> None:
    pipeline = Pipeline()
    pipeline.tell_all(SetDesired("up", "asked"))
    assert pipeline.plan() == ["Spawn store"]
    assert pipeline.reason("train") == "waiting for store to be ready; waiting for data to be ready"
    pipeline.ready("store")
    assert pipeline.plan() == ["Spawn data"]
    assert pipeline.reason("train") == "waiting for data to be ready"


def test_nodes_stop_when_their_successors_are_down() -> None:
    pipeline = running()
    pipeline.tell_all(SetDesired("down", "asked"))
    for name in ("test", "train", "data", "store"):
        assert pipeline.plan() == [f"Terminate {name}"]
        pipeline.gone(name)
    assert pipeline.plan() == []
    assert {state.phase for state in pipeline.states.values()} == {"down"}


def test_a_shutdown_goes_the_same_way_and_starts_nothing() -> None:
    pipeline = running()
    pipeline.tell_all(Shutdown("the daemon ends"))
    for name in ("test", "train", "data", "store"):
        assert pipeline.plan() == [f"Terminate {name}"]
        pipeline.gone(name)
    assert pipeline.plan() == []


def test_one_node_stops_alone_while_its_successors_go_on() -> None:
    pipeline = running()
    pipeline.tell("train", SetDesired("down", "asked"))
    assert pipeline.plan() == ["Terminate train"]


def test_a_restart_of_all_goes_down_in_order_and_comes_up_in_order() -> None:
    pipeline = running()
    pipeline.tell_all(Restart("asked"))
    for name in ("test", "train", "data", "store"):
        assert pipeline.plan() == [f"Terminate {name}"]
        pipeline.gone(name)
    for name in ("store", "data", "train", "test"):
        assert pipeline.plan() == [f"Spawn {name}"]
        pipeline.ready(name)
    assert pipeline.plan() == []


def test_a_restart_of_one_node_starts_it_again_at_once() -> None:
    pipeline = running()
    pipeline.tell("data", Restart("asked"))
    assert pipeline.plan() == ["Terminate data"]
    pipeline.gone("data")
    assert pipeline.plan() == ["Spawn data"]


def test_a_node_that_waits_for_a_failed_one_says_so() -> None:
    pipeline = Pipeline()
    pipeline.tell_all(SetDesired("up", "asked"))
    pipeline.plan()
    pipeline.gone("store", code=3)
    assert pipeline.plan() == []
    assert pipeline.states["store"].phase == "failed"
    assert pipeline.reason("data") == (
        "waiting for store, which failed: exited with code 3; its restart policy allows no restart"
    )


def test_a_predecessor_that_somebody_stopped_is_not_waited_for_but_the_store_is() -> None:
    pipeline = Pipeline()
    for name in ("store", "data", "test"):
        pipeline.tell(name, SetDesired("up", "asked"))
    pipeline.plan()
    pipeline.ready("store")
    pipeline.plan()
    pipeline.ready("data")
    assert pipeline.plan() == ["Spawn test"]

    without_store = Pipeline()
    without_store.tell("data", SetDesired("up", "asked"))
    assert without_store.plan() == []
    assert without_store.reason("data") == "waiting for store, which is not to run"


def test_a_running_successor_does_not_stop_because_the_store_crashed() -> None:
    pipeline = running()
    pipeline.gone("store", code=1)
    assert pipeline.plan() == []
    assert pipeline.states["train"].phase == "ready"


@pytest.mark.parametrize("lives", [True, False])
def test_orphans_are_looked_for_before_anything_is_started(lives: bool) -> None:
    states = {spec.name: new_node(spec, 4, desired="up", orphan=True) for spec in GRAPH.nodes}
    pipeline = Pipeline(states)
    assert pipeline.plan() == []
    assert pipeline.reason("store") == "looking whether incarnation 4 still lives"
    for name in pipeline.states:
        if lives:
            pipeline.tell(name, Found(4, 42, 1.0, True))
        else:
            pipeline.tell(name, Exited(4, None, None, "the machine was restarted", fault=False))
            pipeline.tell(name, FamilyGone(4))
    assert pipeline.plan() == ([] if lives else ["Spawn store"])


# ---- a graph that was loaded again

SMALLER = replace(GRAPH, nodes=(*GRAPH.nodes[:3], a_spec("new", "action", "data")))  # without `test`
SHAPES = dict.fromkeys(("store", "data", "train", "test"), "a")


def test_what_the_graph_has_no_more_goes_before_anything_is_renewed_or_added() -> None:
    pipeline = running()
    pipeline.states["new"] = new_node(SMALLER.nodes[-1])
    pipeline.tell("new", SetDesired("up", "added"))
    pipeline.tell("test", SetDesired("down", "removed"))
    wanted = {"store": "b", "data": "a", "train": "a", "new": "b"}

    assert to_renew(SMALLER, pipeline.states, SHAPES, wanted) == []
    events = next_events(SMALLER, pipeline.states)
    assert [(name, type(event).__name__) for name, event in events] == [("test", "MayStop"), ("new", "Wait")]
    for name, event in events:
        pipeline.tell(name, event)
    assert pipeline.reason("new") == "waiting for test to end, removed from the pipeline"
    assert next_events(SMALLER, pipeline.states) == []  # until it has ended
    pipeline.gone("test")

    assert to_renew(SMALLER, pipeline.states, SHAPES, wanted) == ["store"]
    pipeline.tell("store", Renew("its file was loaded again"))
    events = next_events(SMALLER, pipeline.states)
    assert [(name, type(event).__name__) for name, event in events] == [("store", "MayStop"), ("new", "Wait")]


def test_a_shape_that_is_not_known_is_left_alone() -> None:
    pipeline = running()
    assert to_renew(GRAPH, pipeline.states, {**SHAPES, "store": ""}, {**SHAPES, "store": "b", "data": ""}) == []


def test_a_renewed_node_becomes_what_its_file_says_and_keeps_what_is_wanted_of_it() -> None:
    pipeline = running()
    pipeline.tell("train", SetDesired("paused", "asked"))
    pipeline.tell("train", Respec(replace(GRAPH.by_name["train"], stop_timeout=77.0)))
    assert pipeline.states["train"].spec.stop_timeout == 10.0  # of the process that runs
    pipeline.tell("train", Renew("loaded again"))
    assert pipeline.plan() == ["Terminate train"]
    pipeline.gone("train")
    assert pipeline.plan() == ["Spawn train"]
    state = pipeline.states["train"]
    assert (state.desired, state.spec.stop_timeout, state.next_spec, state.renew) == ("paused", 77.0, None, False)


def test_a_node_that_somebody_stopped_is_not_started_by_being_renewed() -> None:
    pipeline = running()
    pipeline.tell("test", SetDesired("down", "asked"))
    pipeline.plan()
    pipeline.gone("test")
    pipeline.tell("test", Renew("loaded again"))
    assert pipeline.plan() == []
    assert pipeline.states["test"].desired == "down"
