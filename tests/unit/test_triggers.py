"""Conditions for starting a run, asked of a resource whose store is in memory; time is an argument."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from node_sdk import BaseActionNode, BaseResourceNode, InvalidPipeline, Pipeline
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.testing import Rehearsal
from node_sdk.triggers import Trigger, Verdict, at_least, metric, older_than


class Train(BaseActionNode):
    """Logs what the test says."""

    losses: list[float]

    def execute(self, *args: Any, **kwargs: Any) -> bool:
        for loss in self.losses:
            self.predecessors[0].metadata_store.log_metrics(val_loss=loss)  # type: ignore[attr-defined]
        return True


class Scene:
    """A resource `data`, and an action after it that logs losses."""

    def __init__(self) -> None:
        store = SqliteMetadataStore("store", "sqlite:////nowhere/runs.db")
        self.data = BaseResourceNode("data", "/nowhere", store)
        self.train = Train("train", [self.data])
        self.rehearsal = Rehearsal(Pipeline([store, self.data, self.train], name="tiny"))

    def arrive(self, name: str) -> float:
        """When the artifact was recorded."""
        number = self.data.record_new(name)
        assert number is not None
        at: float = self.data.get_artifact(number)["created_at"]
        return at

    def run(self, *losses: float) -> None:
        self.train.losses = list(losses)
        run_id = self.rehearsal.start_run()
        assert self.rehearsal.execute("train", run_id).state == "succeeded"

    def says(self, trigger: Trigger, now: float = 0.0) -> bool | None:
        return trigger.look(self.data, now).holds


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    with made.rehearsal:
        yield made


@dataclass(frozen=True)
class Says(Trigger):
    """The same for ever."""

    holds: bool | None
    until: float | None = None

    def look(self, resource: BaseResourceNode, now: float) -> Verdict:
        return Verdict(self.holds, self.until)


def test_at_least_counts_what_is_new(scene: Scene) -> None:
    scene.arrive("a")
    assert scene.says(at_least(2)) is False
    scene.arrive("b")
    assert scene.says(at_least(2)) is True


def test_older_than_says_when_it_will_hold_and_then_does(scene: Scene) -> None:
    assert older_than(60).look(scene.data, 5.0) == Verdict(False)
    at = scene.arrive("a")
    scene.arrive("b")
    assert older_than(60).look(scene.data, at + 59) == Verdict(False, at + 60)
    assert older_than(60).look(scene.data, at + 60) == Verdict(True)


def test_older_than_does_not_wait_for_a_clock_that_was_set_back(scene: Scene) -> None:
    at = scene.arrive("a")
    assert scene.says(older_than(60), at - 86_400) is True


def test_older_than_is_not_fooled_by_what_is_recorded_while_it_asks(scene: Scene) -> None:
    at = scene.arrive("a")
    assert older_than(60).look(scene.data, at - 0.01) == Verdict(False, at + 60)


def test_conditions_combine_as_unknown_answers_do_in_sql(scene: Scene) -> None:
    values = (True, False, None)
    for left, right in itertools.product(values, values):
        both = False if False in (left, right) else None if None in (left, right) else True
        either = True if True in (left, right) else None if None in (left, right) else False
        assert scene.says(Says(left) & Says(right)) is both
        assert scene.says(Says(left) | Says(right)) is either
    assert [scene.says(~Says(each)) for each in values] == [False, True, None]


def test_a_combination_is_asked_again_when_the_first_of_its_parts_may_change(scene: Scene) -> None:
    def until(trigger: Trigger) -> float | None:
        return trigger.look(scene.data, 0.0).until

    assert until(Says(False, 7.0) | Says(False, 5.0)) == 5.0
    assert until(Says(True, 7.0) & Says(True)) == 7.0
    assert until(~Says(False, 7.0)) == 7.0
    assert until(Says(False, 7.0) & Says(True, 5.0)) == 7.0  # before that the other cannot change the answer
    assert until(at_least(10) | Says(True)) is None


def test_a_metric_is_compared_as_the_newest_run_that_has_ended_left_it(scene: Scene) -> None:
    assert scene.says(metric("val_loss").above(0.4)) is None
    assert scene.says(metric("val_loss", default=1.0).above(0.4)) is True
    scene.run(0.9, 0.5)
    assert scene.says(metric("val_loss").above(0.4)) is True
    assert scene.says(metric("val_loss").below(0.4)) is False
    assert scene.says(metric("val_loss", node="other").above(0.4)) is None
    scene.run(0.3)
    assert scene.says(metric("val_loss").above(0.4)) is False
    assert scene.says(metric("val_loss").below(0.4)) is True
    scene.run()  # logs nothing
    assert scene.says(metric("val_loss").below(0.4)) is True


def test_while_a_run_is_under_way_a_metric_has_no_answer(scene: Scene) -> None:
    scene.run(0.5)
    scene.rehearsal.start_run()
    assert scene.says(metric("val_loss").above(0.4)) is None
    assert scene.says(~metric("val_loss").above(0.4)) is None


def test_a_metric_is_compared_with_the_mean_of_the_runs_before(scene: Scene) -> None:
    scene.run(0.2)
    assert scene.says(metric("val_loss").risen(0.1)) is None  # nothing to compare with
    scene.run(0.4)
    scene.run(0.5)
    assert scene.says(metric("val_loss").risen(0.05)) is True
    assert scene.says(metric("val_loss").risen(0.15)) is False
    assert scene.says(metric("val_loss").risen(0.15, runs=2)) is True
    assert scene.says(metric("val_loss").risen(0.15, runs=3)) is None
    assert scene.says(metric("val_loss").fallen(0.05)) is False
    scene.run(0.1)
    assert scene.says(metric("val_loss").fallen(0.25, runs=3)) is True


def test_a_resource_with_a_trigger_is_asked_and_one_without_is_not(scene: Scene) -> None:
    store = scene.data.metadata_store
    assert scene.data.spec().starts_on_new
    asked = BaseResourceNode("asked", "/nowhere", store, trigger=at_least(2))
    assert not asked.spec().starts_on_new


def test_a_trigger_decides_the_condition_of_its_resource(scene: Scene) -> None:
    scene.data.trigger = at_least(1) & Says(True, 9.0)
    assert not scene.data.trigger_condition()
    scene.arrive("a")
    assert scene.data.trigger_condition()
    assert (scene.data.ask_again_at(), scene.data.ask_again_at()) == (9.0, None)
    scene.data.trigger = Says(None)
    assert scene.data.trigger_condition() is False


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: at_least(0), r"cannot use at_least\(0\)"),
        (lambda: older_than(-1), r"cannot use older_than\(-1\)"),
        (lambda: older_than("1"), r"cannot use older_than\('1'\)"),  # type: ignore[arg-type]
        (lambda: metric("loss").above(float("nan")), "cannot compare a metric with nan"),
        (lambda: metric("loss").risen(0.1, runs=0), "cannot compare with the last 0 runs"),
        (lambda: at_least(1) | metric("loss"), "it is no trigger"),  # type: ignore[operator]
        (lambda: at_least(1) and at_least(2), "combine triggers with &"),
        (lambda: not at_least(1), "combine triggers with &"),
    ],
)
def test_what_is_no_condition_is_refused_where_it_is_written(wrong: Any, words: str) -> None:
    with pytest.raises(InvalidPipeline, match=words):
        wrong()


def test_a_trigger_that_is_none_is_refused(scene: Scene) -> None:
    with pytest.raises(InvalidPipeline, match=r"cannot use trigger=10 for 'more'.*node_sdk.triggers"):
        BaseResourceNode("more", "/nowhere", scene.data.metadata_store, trigger=10)  # type: ignore[arg-type]
