"""How one graph differs from the next: a graph and a graph in, changes out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node_sdk.changes import Changes, changes, edits, refusal, shape
from node_sdk.graph import GraphSpec, NodeSpec
from node_sdk.policy import Limits, RestartPolicy

STORE = NodeSpec(
    name="store", kind="metadata_store", type="Store", base_type="SqliteMetadataStore", uri="sqlite:///a", code="s1"
)
DATA = NodeSpec(
    name="data", kind="resource", type="Folder", base_type="B", predecessors=("store",), monitoring=True, code="d1"
)


def action(name: str, *before: str, code: str = "a1") -> NodeSpec:
    return NodeSpec(name=name, kind="action", type="Train", base_type="A", predecessors=before, code=code)


OLD = GraphSpec(
    name="p", nodes=(STORE, DATA, action("train", "data"), action("report", "train")), called="p", source="x"
)


def with_node(name: str, **values: object) -> GraphSpec:
    nodes = tuple(replace(each, **values) if each.name == name else each for each in OLD.nodes)  # type: ignore[arg-type]
    return replace(OLD, nodes=nodes, source="y")


def test_a_graph_does_not_differ_from_itself() -> None:
    assert not changes(OLD, OLD)
    assert str(changes(OLD, OLD)) == "nothing has changed"


def test_the_order_of_the_nodes_is_no_change() -> None:
    assert not changes(OLD, replace(OLD, nodes=(STORE, DATA, *reversed(OLD.nodes[2:]))))


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"code": "a2"}, "its code"),
        ({"type": "Other", "code": "a2"}, "its class, its code"),
        ({"stop_timeout": 3.0}, "its settings"),
        ({"restart": RestartPolicy(max_restarts=1)}, "its settings"),
        ({"start_method": "spawn"}, "its settings"),
    ],
)
def test_what_only_its_own_process_knows_touches_one_node(values: dict[str, object], why: str) -> None:
    assert changes(OLD, with_node("train", **values)) == Changes(changed={"train": why})


@pytest.mark.parametrize("values", [{"retries": 2}, {"trigger_rule": "all_done"}, {"timeout": 5.0}])
def test_what_the_store_decides_with_touches_the_store_too(values: dict[str, object]) -> None:
    found = changes(OLD, with_node("train", **values))
    assert found == Changes(changed={"store": "the graph around it", "train": "its settings"})


def test_a_new_action_after_a_resource_touches_those_who_wake_it_and_no_other() -> None:
    found = changes(OLD, replace(OLD, nodes=(*OLD.nodes, action("count", "data"))))
    assert found.added == ("count",)
    assert found.changed == {"store": "the graph around it", "data": "the graph around it"}


def test_a_new_action_after_an_action_touches_the_store_alone() -> None:
    """It tells the others whom to signal."""
    found = changes(OLD, replace(OLD, nodes=(*OLD.nodes, action("count", "train"))))
    assert found == Changes(added=("count",), changed={"store": "the graph around it"})


def test_a_removed_node_touches_those_that_followed_it() -> None:
    found = changes(OLD, replace(OLD, nodes=(STORE, DATA, action("report", "data"))))
    assert found.removed == ("train",)
    assert found.changed["report"] == "its predecessors"
    assert str(found).startswith("removed 'train'; changed 'store' (the graph around it), 'data'")


def test_the_limits_of_the_pipeline_are_the_stores_business() -> None:
    assert changes(OLD, replace(OLD, max_concurrent_runs=4)).changed == {"store": "the graph around it"}


def test_a_value_that_is_made_at_each_load_is_a_change_but_no_edit() -> None:
    new = replace(with_node("train", code="a2"), source=OLD.source)
    assert changes(OLD, new).changed == {"train": "its code"}
    assert not edits(OLD, new)
    assert edits(OLD, with_node("train", code="a2")).changed == {"train": "its code"}


def test_code_that_nobody_told_of_is_a_change_but_no_edit() -> None:
    """A loader of an earlier version said nothing of code; its successor must be able to start the nodes."""
    old = with_node("train", code="")
    assert changes(old, OLD).of("train") == "its code"
    assert not edits(old, OLD)
    assert edits(old, with_node("train", stop_timeout=1.0)).of("train") == "its settings"


def test_a_shape_is_the_same_exactly_where_nothing_has_changed() -> None:
    new = replace(with_node("train", code="a2"), nodes=(*with_node("train", code="a2").nodes, action("count", "train")))
    found = changes(OLD, new)
    for node in OLD.nodes:
        assert (shape(OLD, node.name) == shape(new, node.name)) == (not found.of(node.name)), node.name


def test_a_node_whose_code_is_not_known_has_no_shape() -> None:
    assert shape(with_node("train", code=""), "train") == ""


def test_another_name_of_the_pipeline_is_refused() -> None:
    assert "calls the pipeline 'q' now, not 'p'" in refusal(OLD, replace(OLD, called="q"))


@pytest.mark.parametrize("values", [{"uri": "sqlite:///b"}, {"type": "Other"}, {"base_type": "PostgresMetadataStore"}])
def test_another_metadata_store_is_refused_with_the_way_out(values: dict[str, object]) -> None:
    why = refusal(OLD, with_node("store", **values))
    assert "its metadata store would be" in why
    assert "`anacostiactl stop p`, copy the database" in why


def test_the_code_of_the_metadata_store_may_change() -> None:
    assert refusal(OLD, with_node("store", code="s2")) == ""


def test_limits_make_another_process_of_their_node_and_of_no_other() -> None:
    new = with_node("train", limits=Limits(nice=3), essential=True)
    assert changes(OLD, new).changed == {"train": "its settings"}
    assert shape(OLD, "train") != shape(new, "train")
    assert shape(OLD, "store") == shape(new, "store")


def test_what_is_another_for_all_is_said_of_each_node_that_stays() -> None:
    new = with_node("train", limits=Limits(nice=3))
    new = replace(new, nodes=(*new.nodes, action("more", "data")))
    found = changes(OLD, new).with_all(new, "another args")
    assert found.added == ("more",)
    assert found.changed == {
        "store": "the graph around it, another args",
        "data": "the graph around it, another args",
        "train": "its settings, another args",
        "report": "another args",
    }
