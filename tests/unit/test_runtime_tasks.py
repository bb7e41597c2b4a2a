"""Which task is next, by a clock of the test."""

from __future__ import annotations

from node_sdk.runtime.tasks import MOST_KNOWN, Tasks, Wanted
from node_sdk.wire.store import Due, Welcome


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def welcome(last_run_id: int, *due: Due) -> Welcome:
    return Welcome(last_run_id, due, (), ())


def all_of(tasks: Tasks) -> list[Wanted]:
    found = []
    while (wanted := tasks.next()) is not None:
        found.append(wanted)
    return found


def test_the_oldest_run_is_executed_first_whatever_the_order_of_signals() -> None:
    tasks = Tasks(welcome(3, Due(3, 0)))
    for run_id in (6, 4, 5):
        tasks.signalled(run_id)
    assert [each.run_id for each in all_of(tasks)] == [3, 4, 5, 6]


def test_a_signal_said_twice_is_obeyed_once() -> None:
    tasks = Tasks(welcome(0))
    tasks.signalled(1)
    tasks.signalled(1)
    assert all_of(tasks) == [Wanted(1)]


def test_a_signal_for_a_run_that_was_executed_is_confirmed_with_the_store_for_a_person_may_have_it_retried() -> None:
    tasks = Tasks(welcome(0))
    tasks.signalled(1)
    assert tasks.next() == Wanted(1)
    tasks.signalled(1)
    assert all_of(tasks) == [Wanted(1, doubtful=True)]


def test_a_task_that_was_begun_before_is_executed_as_the_next_attempt() -> None:
    assert all_of(Tasks(welcome(5, Due(5, 2, failures=1)))) == [Wanted(5, 3, failures=1)]


def test_a_signal_for_an_old_run_is_doubtful_and_one_for_a_new_run_is_not() -> None:
    tasks = Tasks(welcome(5))
    tasks.signalled(5)
    tasks.signalled(6)
    assert all_of(tasks) == [Wanted(5, doubtful=True), Wanted(6)]


def test_of_very_many_runs_the_oldest_are_forgotten_and_doubtful_from_then_on() -> None:
    tasks = Tasks(welcome(0))
    for run_id in range(1, MOST_KNOWN + 1):
        tasks.signalled(run_id)
        tasks.next()
    tasks.signalled(MOST_KNOWN + 1)
    tasks.signalled(MOST_KNOWN + 2)
    tasks.signalled(1)
    assert all_of(tasks) == [Wanted(1, doubtful=True), Wanted(MOST_KNOWN + 1), Wanted(MOST_KNOWN + 2)]


def test_of_several_resources_that_tell_of_a_run_one_is_heard() -> None:
    tasks = Tasks(welcome(0))
    tasks.signalled(1, by_resource=True)
    assert all_of(tasks) == [Wanted(1)]
    tasks.signalled(1, by_resource=True)
    assert tasks.next() is None


# ---- another attempt


def test_an_attempt_that_waits_lets_the_tasks_of_other_runs_go_first() -> None:
    clock = Clock()
    tasks = Tasks(welcome(0), clock)
    tasks.add(Due(1, 1, wait=10.0, failures=1))
    tasks.signalled(2)
    assert all_of(tasks) == [Wanted(2)]
    assert tasks.deadline() == 1010.0
    clock.now = 1009.9
    assert tasks.next() is None
    clock.now = 1010.0
    assert all_of(tasks) == [Wanted(1, 2, failures=1)]
    assert tasks.deadline() is None


def test_the_deadline_is_that_of_the_first_to_come() -> None:
    tasks = Tasks(welcome(2, Due(1, 1, wait=30.0), Due(2, 3, wait=20.0)), Clock())
    assert tasks.deadline() == 1020.0


def test_a_signal_for_a_run_that_waits_has_the_store_say_how_long() -> None:
    clock = Clock()
    tasks = Tasks(welcome(0), clock)
    tasks.add(Due(1, 1, wait=10.0))
    tasks.signalled(1)
    assert all_of(tasks) == [Wanted(1, doubtful=True)]
    tasks.add(Due(1, 1, wait=4.0))
    clock.now += 4.0
    assert all_of(tasks) == [Wanted(1, 2)]


# ---- cancelled runs


def test_of_a_cancelled_run_nothing_is_begun_without_asking() -> None:
    tasks = Tasks(welcome(0), Clock())
    tasks.signalled(1)
    tasks.add(Due(2, 1, wait=10.0))
    tasks.signalled(3)
    for run_id in (1, 2):
        tasks.cancelled(run_id)
    assert all_of(tasks) == [Wanted(1, doubtful=True), Wanted(2, doubtful=True), Wanted(3)]


def test_a_signal_that_comes_after_the_word_that_its_run_was_cancelled_is_doubtful() -> None:
    tasks = Tasks(welcome(0))
    tasks.cancelled(1)
    assert tasks.next() is None
    tasks.signalled(1)
    assert all_of(tasks) == [Wanted(1, doubtful=True)]


def test_what_the_store_says_ahead_of_the_signal_is_obeyed_once() -> None:
    tasks = Tasks(welcome(0))
    tasks.woken(1, ("before", 1))
    assert tasks.next() == Wanted(1)
    tasks.signalled(1, ("before", 1))
    assert all_of(tasks) == []


def test_the_word_of_the_store_may_come_after_the_signal() -> None:
    tasks = Tasks(welcome(0))
    tasks.signalled(1, ("before", 1))
    tasks.woken(1, ("before", 1))
    assert all_of(tasks) == [Wanted(1)]


def test_a_signal_of_another_attempt_than_the_store_spoke_of_is_confirmed() -> None:
    tasks = Tasks(welcome(0))
    tasks.woken(1, ("before", 1))
    assert tasks.next() == Wanted(1)
    tasks.signalled(1, ("before", 2))
    assert all_of(tasks) == [Wanted(1, doubtful=True)]


def test_signals_that_never_came_are_not_waited_for_for_ever() -> None:
    tasks = Tasks(welcome(0))
    for run_id in range(1, MOST_KNOWN + 2):
        tasks.woken(run_id, ("before", 1))
        tasks.next()
    assert len(tasks._foretold) <= MOST_KNOWN
