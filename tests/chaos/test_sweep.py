"""Crash after every step: each scenario, with each of its processes dying at each of its
durable steps and messages in turn. After each sweep all laws must hold; how many points there were is printed.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.sweep import Course, Crash, Stimulus, World, every_point

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

MET = 0.7  # of the listed points must be met again; how many answers arrive at once depends on the machine


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    opened = World()
    before = request.session.testsfailed
    yield opened
    opened.close(failed=request.session.testsfailed > before)


def one_file(course: Course) -> None:
    course.drop()


def a_file_that_fails(course: Course) -> None:
    course.drop("false")


def a_file_that_raises(course: Course) -> None:
    course.drop("raise")


def two_files_in_two_runs(course: Course) -> None:
    """The second run begins while the first is under way: its last node waits for the gate."""
    run = course.last_run()
    for each in (run, run + 1):
        course.drop()
        course.world.until(lambda each=each: course.last_run() > each, course.trouble)  # type: ignore[misc]
    course.open_gate(run + 2)


def a_file_at_the_second_attempt(course: Course) -> None:
    course.repeating = {"trier"}
    course.drop()


def a_run_that_is_retried_by_hand(course: Course) -> None:
    """It fails; what was wrong is mended; it is opened again."""
    course.repeating = {"mended"}
    run = course.last_run() + 1
    course.drop()
    course.world.until(lambda: course.ended(run), course.trouble)
    course.open_gate(run)
    course.insist("retry", run_id=run, token=f"retry-{run}")


def a_run_that_is_cancelled(course: Course) -> None:
    """While its second node is at work, and would be for ever."""
    run = course.last_run() + 1
    course.cancelled.add(course.drop())
    course.world.until(lambda: course.executed(run, "second"), course.trouble)
    course.insist("cancel", run_id=run)


def an_edit_in_a_run(course: Course) -> None:
    """A node of the run is another from here on."""
    course.drop()
    course.edit()
    course.insist("reload")


def a_run_after_an_edit(course: Course) -> None:
    """Of a file in which one node is another, and (shape "grown") one more node comes and goes."""
    course.edit()
    course.insist("reload")
    course.editions[course.last_run() + 1] = course.edition
    course.drop()


def started(world: World, shape: str, name: str = "p") -> Course:
    course = Course(world, shape, name)
    course.plan(())
    course.start()
    world.until(course.is_ready, course.trouble)
    return course


def sweep(course: Course, stimulus: Stimulus, victim: str, at_least: int, *before: Crash) -> None:
    swept = every_point(course, stimulus, victim, *before)
    after = f" after {'; '.join(f'{who}: {point}' for who, point in before)}" if before else ""
    print(f"{course.shape}, {stimulus.__name__}, {victim}{after}: {len(swept.crashed)} crash points", end="")
    print(f", not met again: {', '.join(swept.missed)}" if swept.missed else "")
    assert course.faults() == []
    assert len(swept.crashed) >= at_least, swept
    assert len(swept.crashed) >= MET * (len(swept.crashed) + len(swept.missed)), swept


IN_RUNS = [
    ("plain", one_file, {"first": 16, "inbox": 5, "store": 16}),
    ("asking", one_file, {"inbox": 14, "store": 22}),
    ("fan-out", one_file, {"first": 20, "left": 15}),
    ("fan-in", one_file, {"left": 15, "join": 15, "store": 30}),
    ("failure", a_file_that_fails, {"picky": 18, "always": 15, "store": 28}),
    ("failure", a_file_that_raises, {"picky": 18}),
    ("output", one_file, {"maker": 30, "reader": 15, "store": 30}),
    ("two-runs", two_files_in_two_runs, {"first": 35, "second": 30, "store": 50}),
    ("retries", a_file_at_the_second_attempt, {"trier": 25, "store": 30}),
    ("retry", a_run_that_is_retried_by_hand, {"mended": 30, "after": 15, "store": 40}),
    ("cancel", a_run_that_is_cancelled, {"second": 10, "store": 22}),
]


@pytest.mark.parametrize(("shape", "stimulus", "victims"), IN_RUNS, ids=[f"{s}-{f.__name__}" for s, f, _ in IN_RUNS])
def test_no_crash_of_a_node_in_a_run_breaks_a_law(
    world: World, shape: str, stimulus: Stimulus, victims: dict[str, int]
) -> None:
    course = started(world, shape)
    for victim, at_least in victims.items():
        sweep(course, stimulus, victim, at_least)


RECOVERIES = [
    ("output", "maker", "executed#1", 30),
    ("output", "maker", "after publish#1", 12),
    ("asking", "inbox", "before Offer#1", 16),
    ("plain", "store", "after commit#3", 14),
]


@pytest.mark.parametrize(
    ("shape", "victim", "at", "at_least"), RECOVERIES, ids=[f"{v}-{a}" for _, v, a, _ in RECOVERIES]
)
def test_no_crash_of_a_node_that_recovers_from_a_crash_breaks_a_law(
    world: World, shape: str, victim: str, at: str, at_least: int
) -> None:
    sweep(started(world, shape), one_file, victim, at_least, (victim, at))


@pytest.mark.parametrize(("victim", "at_least"), [("loader", 7), ("daemon", 11)])
def test_no_crash_of_who_replaces_a_dead_node_breaks_a_law(world: World, victim: str, at_least: int) -> None:
    sweep(started(world, "plain"), one_file, victim, at_least, ("first", "executing#1"))


def test_no_crash_of_a_daemon_that_adopts_breaks_a_law(world: World) -> None:
    crashes = (("first", "executing#1"), ("daemon", "before journal commit#1"))
    sweep(started(world, "plain"), one_file, "daemon", 14, *crashes)


RELOADS = [
    ("edited", an_edit_in_a_run, "daemon", 20),
    ("grown", a_run_after_an_edit, "daemon", 30),
    ("grown", a_run_after_an_edit, "loader", 12),
]


@pytest.mark.parametrize(
    ("shape", "stimulus", "victim", "at_least"), RELOADS, ids=[f"{s}-{v}" for s, _, v, _ in RELOADS]
)
def test_no_crash_in_a_reload_breaks_a_law(
    world: World, shape: str, stimulus: Stimulus, victim: str, at_least: int
) -> None:
    sweep(started(world, shape), stimulus, victim, at_least)


FIRST_STARTS = [("store", 12), ("inbox", 12), ("loader", 11), ("daemon", 12)]
FIRST = 14  # points of a first start; what comes later comes in every run


@pytest.mark.parametrize(("victim", "at_least"), FIRST_STARTS)
def test_no_crash_in_the_first_start_of_a_pipeline_breaks_a_law(world: World, victim: str, at_least: int) -> None:
    def first_start(name: str, *crashes: Crash) -> list[str]:
        """A pipeline of its own; its points where nothing crashes, else the crashes that happened."""
        course = Course(world, "plain", name)
        done = course.replay(Course.start_with_a_file, *crashes, trace=None if crashes else victim)
        found = course.faults()
        points = course.traced()
        course.remove()
        assert found == []
        return done if crashes else points

    points = first_start("uncrashed")[:FIRST]
    crashed = [each for n, point in enumerate(points) for each in first_start(f"p{n}", (victim, point))]
    print(f"first start, {victim}: {len(crashed)} crash points of {len(points)}: {points}")
    assert len(crashed) >= max(at_least, MET * len(points))
