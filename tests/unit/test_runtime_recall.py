"""How the main thread is called back from a task: with real POSIX signals, and by a clock of the test."""

from __future__ import annotations

import queue
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from node_sdk.errors import Recalled, RunCancelled, TaskTimeout
from node_sdk.runtime.recall import SIGNAL, Recall
from node_sdk.runtime.watch import TaskWatch

LATE = TaskTimeout("late")


@pytest.fixture
def recall() -> Iterator[Recall]:
    before = signal.getsignal(SIGNAL)
    made = Recall()
    made.install()
    yield made
    signal.signal(SIGNAL, before)


def test_user_code_is_left_where_it_waits(recall: Recall) -> None:
    timer = threading.Timer(0.01, recall.call, [LATE])
    timer.start()
    with pytest.raises(TaskTimeout):
        recall.run(lambda: time.sleep(30))
    timer.join()


def test_our_own_code_inside_user_code_is_left_at_its_end(recall: Recall) -> None:
    passed = []

    def user_code() -> None:
        with recall.shielded:
            with recall.shielded:
                recall.call(LATE)
                passed.append("inner")
            passed.append("outer")
        passed.append("user")

    with pytest.raises(TaskTimeout):
        recall.run(user_code)
    assert passed == ["inner", "outer"]


def test_our_own_code_that_waits_can_be_left_where_it_says_so(recall: Recall) -> None:
    def user_code() -> None:
        with recall.shielded:
            recall.call(LATE)
            while True:
                recall.check()

    with pytest.raises(TaskTimeout):
        recall.run(user_code)


def test_a_call_outside_of_user_code_waits_for_it_unless_it_is_forgotten(recall: Recall) -> None:
    recall.call(LATE)
    recall.check()
    with pytest.raises(TaskTimeout):
        recall.run(lambda: None)
    recall.call(LATE)
    recall.forget()
    assert recall.run(lambda: "done") == "done"


def test_other_threads_of_the_user_are_not_shielded(recall: Recall) -> None:
    inside, left = threading.Event(), threading.Event()

    def thread() -> None:
        with recall.shielded:
            inside.set()
            left.wait(10)

    other = threading.Thread(target=thread)
    other.start()
    inside.wait(10)
    with pytest.raises(TaskTimeout):
        recall.run(lambda: recall.call(LATE) or time.sleep(30))  # type: ignore[func-returns-value]
    left.set()
    other.join()


def test_a_call_at_any_instant_comes_out_of_run_or_not_at_all(recall: Recall) -> None:
    asked: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def caller() -> None:
        while asked.get():
            recall.call(LATE)

    thread = threading.Thread(target=caller)
    thread.start()
    caught = 0
    try:
        for turn in range(3000):
            asked.put(True)
            try:
                for _ in range(turn % 50):
                    recall.run(lambda: None)
            except TaskTimeout:
                caught += 1
            recall.forget()
    finally:
        asked.put(False)
        thread.join()
        recall.forget()
    assert caught


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Watched:
    """A watch by a clock of the test; `calls` is who was called back, `ended` why the process was ended."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.calls: list[Recalled] = []
        self.ended: list[Recalled] = []
        self.call = self.calls.append
        self.watch = TaskWatch(self, 10.0, self.ended.append, self.clock)  # type: ignore[arg-type]

    def forget(self) -> None:
        pass

    def look_at(self, now: float) -> None:
        self.clock.now = now
        self.watch.look()


def test_a_task_that_takes_too_long_is_called_back_and_its_process_ended_where_it_does_not_come() -> None:
    watched = Watched()
    with watched.watch.over(1, 5.0):
        assert watched.watch.deadline() == 105.0
        watched.look_at(104.9)
        assert watched.calls == []
        watched.look_at(105.0)
        assert [str(each) for each in watched.calls] == ["did not end within its timeout of 5 s"]
        watched.look_at(114.9)
        assert watched.ended == []
        watched.look_at(115.0)
        assert watched.ended == watched.calls


def test_a_task_that_comes_back_is_not_looked_at_any_more() -> None:
    watched = Watched()
    with watched.watch.over(1, 5.0):
        watched.look_at(105.0)
    assert watched.watch.deadline() is None
    watched.look_at(1000.0)
    assert watched.ended == []
    with watched.watch.over(2, None):
        assert watched.watch.called is None
        watched.look_at(2000.0)
    assert len(watched.calls) == 1


def test_only_the_run_in_progress_is_called_back_when_runs_are_cancelled() -> None:
    watched = Watched()
    with watched.watch.over(2, None):
        watched.watch.cancelled(1)
        assert watched.watch.called is None
        watched.watch.cancelled(2)
        assert isinstance(watched.watch.called, RunCancelled)
        assert watched.watch.deadline() == 110.0
    assert watched.watch.take_cancelled() == {1, 2}
    assert watched.watch.take_cancelled() == set()


def test_a_run_cancelled_since_its_task_was_taken_up_is_called_back_at_once() -> None:
    watched = Watched()
    watched.watch.cancelled(1)
    with watched.watch.over(1, None):
        assert [str(each) for each in watched.calls] == ["run 1 was cancelled"]


def test_a_process_that_is_being_ended_records_nothing_more() -> None:
    ending, go_on = threading.Event(), threading.Event()
    left = []

    def end(called: Recalled) -> None:
        ending.set()
        go_on.wait(10)

    clock = Clock()
    watch = TaskWatch(Recall(), 1.0, end, clock)

    def main() -> None:
        with watch.over(1, 1.0):
            ending.wait(10)
        left.append("left")

    thread = threading.Thread(target=main)
    thread.start()
    while watch.deadline() is None:
        pass
    clock.now += 1.0
    watch.look()
    clock.now += 1.0
    link = threading.Thread(target=watch.look)
    link.start()
    ending.wait(10)
    thread.join(0.1)
    assert left == []
    go_on.set()
    for each in (link, thread):
        each.join(10)
    assert left == ["left"]
