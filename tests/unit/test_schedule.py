"""Due times as artifacts, with a store in memory and a clock that the test sets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from node_sdk import BaseActionNode, InvalidPipeline, InvalidValue, Pipeline
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import ScheduleNode
from node_sdk.testing import Rehearsal

NOON = datetime.fromisoformat("2026-11-23T12:00:00+00:00").timestamp()


def a_store() -> SqliteMetadataStore:
    return SqliteMetadataStore("store", "sqlite:////nowhere/runs.db")


class Nothing(BaseActionNode):
    def execute(self, *args: Any, **kwargs: Any) -> bool:
        return True


class Scene:
    """A schedule whose processes come and go; the store stays."""

    def __init__(self) -> None:
        self.now = NOON
        self.store = a_store()
        self.node = self.made(every=60)
        self.rehearsal = Rehearsal(Pipeline([self.store, self.node, Nothing("act", [self.node])], name="tiny"))

    def made(self, **given: Any) -> ScheduleNode:
        return ScheduleNode("clock", self.store, clock=lambda: self.now, **given)

    def restart(self, **given: Any) -> None:
        """A new process of the node, maybe of a changed file."""
        self.node.stop_monitoring()
        binding = self.node.bound("be restarted")
        self.node = self.made(**given or {"every": 60})
        self.node.bind(binding)
        self.node.start_monitoring()

    def at(self, moment: float) -> None:
        """The main loop comes at this time."""
        self.now = moment
        self.node.look()

    def new(self) -> list[float]:
        """The due times recorded, in seconds after noon."""
        return [self.node.load_artifact(each).timestamp() - NOON for each in self.node.list_artifacts("new")]


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    with made.rehearsal:
        made.node.start_monitoring()
        yield made


def test_each_due_time_is_one_artifact_and_the_next_is_the_only_deadline(scene: Scene) -> None:
    assert scene.new() == []
    assert scene.node.look_at() == NOON + 60
    scene.at(NOON + 60.004)
    scene.at(NOON + 60.3)
    assert scene.new() == [60]
    assert scene.node.look_at() == NOON + 120
    scene.at(NOON + 120)
    assert scene.new() == [60, 120]


def test_a_process_that_is_replaced_at_any_time_neither_repeats_nor_omits(scene: Scene) -> None:
    for second in (30, 60, 61, 119, 120, 121, 181):
        scene.now = NOON + second
        scene.restart()
    assert scene.new() == [60, 120, 180]


@pytest.mark.parametrize(("misfire", "missed"), [("skip", []), ("once", [180]), ("all", [60, 120, 180])])
def test_what_was_due_before_the_first_due_time_was_ever_recorded_was_missed_too(
    scene: Scene, misfire: str, missed: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    scene.now = NOON + 230
    scene.restart(every=60, misfire=misfire)
    assert scene.new() == missed
    assert caplog.messages == [f"what was due from 2026-11-23T12:01:00+00:00 on was missed; misfire='{misfire}'"]
    scene.at(NOON + 240)
    assert scene.new() == [*missed, 240]


def test_a_timetable_that_is_changed_counts_from_then_on(scene: Scene) -> None:
    scene.at(NOON + 60)
    scene.now = NOON + 7200 + 1
    scene.restart(every=3600, misfire="all")
    assert scene.new() == [60]
    scene.at(NOON + 10_800)
    assert scene.new() == [60, 10_800]


def test_a_clock_that_is_set_back_repeats_nothing_and_holds_nothing_up(scene: Scene) -> None:
    scene.at(NOON + 60)
    scene.at(NOON + 120)
    scene.at(NOON + 10)
    assert scene.node.look_at() == NOON + 60
    scene.at(NOON + 60)
    scene.at(NOON + 120)
    assert scene.new() == [60, 120]
    scene.now = NOON - 3600
    scene.restart()
    scene.at(NOON - 3540)
    assert scene.new() == [60, 120, -3540]


def test_a_clock_that_is_set_forward_is_a_time_that_was_missed(scene: Scene) -> None:
    scene.at(NOON + 86_400 + 30)
    assert scene.new() == [86_400]


def test_many_due_times_are_recorded_some_at_a_time(scene: Scene) -> None:
    scene.now = NOON + 60 * 1200
    scene.restart(every=60, misfire="all")
    assert scene.new() == [60.0 * each for each in range(1, 1201)]


def test_when_a_timetable_came_into_force_is_recorded_and_starts_nothing(scene: Scene) -> None:
    assert scene.node.list_artifacts() == scene.node.list_artifacts("old") == ["begun 2026-11-23T12:00:00+00:00"]
    with pytest.raises(InvalidValue, match="it is no due time"):
        scene.node.load_artifact("begun 2026-11-23T12:00:00+00:00")


def test_a_due_time_is_shown_in_the_zone_of_its_timetable() -> None:
    node = ScheduleNode("clock", a_store(), cron="0 3 * * *", timezone="Asia/Tokyo")
    shown = node.load_artifact("2026-11-23T18:00:00+00:00")
    assert shown.isoformat() == "2026-11-24T03:00:00+09:00"
    assert node.spec().resource_path == "cron 0 3 * * * (Asia/Tokyo)"
    assert node.spec().starts_on_new


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "cannot make schedule 'clock': give either cron= or every="),
        ({"every": 60, "cron": "* * * * *"}, "give either cron= or every="),
        ({"every": 60, "misfire": "never"}, "cannot use misfire='never' for 'clock'"),
        ({"every": 60, "grace": -1}, "cannot use grace=-1 for 'clock'"),
    ],
)
def test_a_schedule_that_says_too_little_or_too_much_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidPipeline, match=words):
        ScheduleNode("clock", a_store(), **given)
