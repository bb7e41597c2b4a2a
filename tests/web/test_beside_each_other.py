"""What pages make of facts, without a daemon: lineage, runs beside each other, what is chosen unasked, values."""

from __future__ import annotations

from typing import Any

import pytest

from anacostia_daemon.web.facts import compare
from anacostia_daemon.web.facts.errors import CannotShow
from anacostia_daemon.web.facts.lineage import of_run
from anacostia_daemon.web.pages import artifacts, metrics, rendering, runs
from anacostia_daemon.web.pages.run import why

GRAPH = {
    "store": [],
    "images": ["store"],
    "labels": ["store"],
    "clean": ["images"],
    "check": ["clean"],
    "train": ["check", "labels"],
    "report": ["train"],
}


def artifact(number: int, resource: str, node: str | None = None) -> dict[str, Any]:
    made_by = {"run_id": 7, "node": node} if node else None
    return {"id": number, "resource": resource, "run_id": 7, "produced_by": made_by}


def edges(*made: dict[str, Any], graph: dict[str, list[str]] = GRAPH) -> set[tuple[str, str]]:
    used = [artifact(1, "images"), artifact(2, "labels")]
    _, found = of_run(7, [*used, *made], list(made), graph)
    return {(one.removeprefix("artifact:"), other.removeprefix("artifact:")) for one, other in found}


def test_each_task_reads_what_the_nearest_ones_before_it_made_and_what_lies_in_its_resources() -> None:
    made = (artifact(3, "tables", "clean"), artifact(4, "models", "train"), artifact(5, "pictures", "report"))
    assert edges(*made) == {
        ("1", "run:7/clean"),
        ("run:7/clean", "3"),
        ("3", "run:7/train"),  # through check, which makes nothing
        ("2", "run:7/train"),
        ("run:7/train", "4"),
        ("4", "run:7/report"),
        ("run:7/report", "5"),
    }


def test_a_run_that_made_nothing_is_one_task() -> None:
    assert edges() == {("1", "run:7"), ("2", "run:7")}


def test_a_node_that_the_graph_no_longer_has_came_from_all_that_its_run_used() -> None:
    assert edges(artifact(3, "tables", "gone")) == {("1", "run:7/gone"), ("2", "run:7/gone"), ("run:7/gone", "3")}


def test_keys_of_several_nodes_are_told_apart_and_the_last_value_counts() -> None:
    logged = [
        {"run_id": 1, "node": "train", "key": "loss", "value": 3.0},
        {"run_id": 1, "node": "train", "key": "loss", "value": 2.0},
        {"run_id": 1, "node": "test", "key": "loss", "value": 2.5},
        {"run_id": 1, "node": "test", "key": "accuracy", "value": 0.5},
    ]
    wanted = {1: {"train/loss": 2.0, "test/loss": 2.5, "accuracy": 0.5}}
    assert compare.by_run(logged) == wanted
    assert compare.by_run(reversed(logged), newest_first=True) == wanted


def test_what_differs_between_runs_is_marked() -> None:
    found = [{"params": {"rate": 0.1, "seed": 0}}, {"params": {"rate": 0.2, "seed": 0}}, {"params": {"seed": 0}}]
    lines = compare.beside_each_other(found, "params")
    assert [(each["key"], each["values"], each["differs"]) for each in lines] == [
        ("rate", [0.1, 0.2, None], True),
        ("seed", [0, 0, 0], False),
    ]


KNOWN = [{"key": "loss", "steps": True}, {"key": "accuracy", "steps": False}]


@pytest.mark.parametrize(
    ("asked", "over", "chosen"),
    [
        (metrics.asked(), "runs", {"accuracy", "loss"}),
        (metrics.asked(runs=[1, 2]), "steps", {"loss"}),
        (metrics.asked(runs=[1, 2], over="runs"), "runs", {"accuracy", "loss"}),
        (metrics.asked(keys=["of old"]), "runs", {"of old"}),
    ],
)
def test_who_does_not_say_what_to_plot_sees_what_tells_most(asked: metrics.Asked, over: str, chosen: set[str]) -> None:
    keys, found = metrics.offered(KNOWN, asked)
    assert (found, {each["key"] for each in keys if each["chosen"]}) == (over, chosen)


def test_an_address_keeps_what_was_asked_and_nothing_else() -> None:
    assert runs.Asked(state="failed", metric="loss<0.2").query(before=9) == "state=failed&metric=loss%3C0.2&before=9"
    assert runs.Asked().query() == ""


def test_a_state_that_no_run_is_ever_in_is_said_to_be_nonsense() -> None:
    with pytest.raises(CannotShow, match="cannot show runs that are 'lost'"):
        runs.Asked(state="lost").filter()


def test_the_columns_of_runs_are_what_most_of_them_have() -> None:
    found = {1: {"a": 1, "b": 1, "c": 1, "d": 1, "rare": 1}, 2: {"d": 1, "c": 1, "b": 1, "a": 1}}
    assert runs.columns(found) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.97634, "0.9763"),
        (12345.0, "12,345"),
        (1.2e-7, "1.2e-07"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
        (-0.0, "0"),
        (4.5e12, "4,500,000,000,000"),
    ],
)
def test_numbers_are_shown_as_people_compare_them(value: float, text: str) -> None:
    assert rendering.number(value) == text


def test_values_are_shown_as_what_they_are() -> None:
    assert [rendering.value(each) for each in ("adam", True, None, [1, 2], 3.0)] == [
        "adam",
        "true",
        "null",
        "[1, 2]",
        "3",
    ]


def test_why_says_what_a_run_does_or_what_ended_it() -> None:
    executing = {"node": "train", "state": "executing", "attempts": 2, "error": None}
    assert why({"state": "running", "tasks": [executing]}) == "train executes, attempt 2"
    failed = {"node": "train", "state": "error", "attempts": 1, "error": "Traceback\nValueError: no"}
    skipped = {"node": "test", "state": "skipped", "attempts": 0, "error": "train failed"}
    assert why({"state": "failed", "tasks": [failed, skipped]}) == "train: ValueError: no; 1 task skipped"


def test_an_artifact_was_there_for_what_follows_its_resource_or_its_maker() -> None:
    nodes = [{"name": name, "predecessors": before} for name, before in GRAPH.items()]
    run = {"id": 7, "tasks": [{"node": "clean"}, {"node": "train"}, {"node": "report"}]}
    assert [each["node"] for each in artifacts.readers(artifact(1, "labels"), run, nodes)] == ["train"]
    assert [each["node"] for each in artifacts.readers(artifact(4, "models", "train"), run, nodes)] == ["report"]
    assert artifacts.readers(artifact(1, "labels"), None, nodes) == []
