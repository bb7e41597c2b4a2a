from __future__ import annotations

from typing import Any

import pytest

from node_sdk.errors import Refused
from node_sdk.nodes.action import BaseActionNode
from node_sdk.runtime.action import LONGEST_ERROR, MOST_KNOWN, Attempt, Tasks, Wanted, bounded
from node_sdk.wire.store import Due, Welcome


def welcome(last_run_id: int, *due: Due) -> Welcome:
    return Welcome(last_run_id, due, (), ())


def all_of(tasks: Tasks) -> list[Wanted]:
    found = []
    while tasks:
        found.append(tasks.next())
    return found


def test_the_oldest_run_is_executed_first_whatever_the_order_of_signals() -> None:
    tasks = Tasks(welcome(3, Due(3, 0)))
    for run_id in (6, 4, 5):
        tasks.signalled(run_id)
    assert [each.run_id for each in all_of(tasks)] == [3, 4, 5, 6]


def test_a_signal_said_twice_is_obeyed_once_also_when_the_task_is_over() -> None:
    tasks = Tasks(welcome(0))
    tasks.signalled(1)
    tasks.signalled(1)
    assert len(all_of(tasks)) == 1
    tasks.signalled(1)
    assert not tasks


def test_a_task_that_was_begun_before_is_executed_as_the_next_attempt() -> None:
    assert all_of(Tasks(welcome(5, Due(5, 2)))) == [Wanted(5, 3, False)]


def test_a_signal_for_an_old_run_is_doubtful_and_one_for_a_new_run_is_not() -> None:
    tasks = Tasks(welcome(5))
    tasks.signalled(5)
    tasks.signalled(6)
    assert all_of(tasks) == [Wanted(5, 1, True), Wanted(6, 1, False)]


def test_of_very_many_runs_the_oldest_are_forgotten_and_doubtful_from_then_on() -> None:
    tasks = Tasks(welcome(0))
    for run_id in range(1, MOST_KNOWN + 1):
        tasks.signalled(run_id)
        tasks.next()
    tasks.signalled(MOST_KNOWN + 1)
    tasks.signalled(1)
    tasks.signalled(MOST_KNOWN)
    assert all_of(tasks) == [Wanted(1, 1, True), Wanted(MOST_KNOWN + 1, 1, False)]


class Told:
    """Stands where the way to the store stands: what was told before is refused, if at all, when it is settled."""

    def __init__(self, *refusals: Refused) -> None:
        self.refusals = list(refusals)

    def settle(self) -> None:
        if self.refusals:
            raise self.refusals.pop(0)


class Recorder(BaseActionNode):
    """Does what it is told and notes which of its methods are called."""

    def __init__(self, result: object = True, broken: str = "") -> None:
        super().__init__("recorder", [])
        self.result = result
        self.broken = broken
        self.calls: list[str] = []

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        self._note("execute")
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result

    def before_execution(self) -> None:
        self._note("before_execution")

    def after_execution(self) -> None:
        self._note("after_execution")

    def on_success(self) -> None:
        self._note("on_success")

    def on_failure(self) -> None:
        self._note("on_failure")

    def on_error(self, e: BaseException) -> None:
        self._note(f"on_error {type(e).__name__}")

    def _note(self, name: str) -> None:
        self.calls.append(name)
        if name.split()[0] == self.broken:
            raise RuntimeError(f"{name} is broken")


def attempt(node: Recorder, *refusals: Refused) -> tuple[str, str | None]:
    return Attempt(node, Told(*refusals)).make()  # type: ignore[arg-type]


def test_success_calls_the_hooks_of_success() -> None:
    node = Recorder(True)
    assert attempt(node) == ("succeeded", None)
    assert node.calls == ["before_execution", "execute", "on_success", "after_execution"]


@pytest.mark.parametrize("result", [False, None, 0])
def test_anything_false_is_a_failure(result: object) -> None:
    node = Recorder(result)
    assert attempt(node) == ("failed", f"execute() returned {result!r}")
    assert node.calls == ["before_execution", "execute", "on_failure", "after_execution"]


@pytest.mark.parametrize("raised", [ValueError("no data"), SystemExit(3), KeyboardInterrupt()])
def test_whatever_execute_raises_is_an_error_and_ends_only_the_attempt(raised: BaseException) -> None:
    node = Recorder(raised)
    state, error = attempt(node)
    assert state == "error"
    assert error is not None
    assert error.startswith(type(raised).__name__)
    assert "Traceback" in error
    assert node.calls == ["before_execution", "execute", f"on_error {type(raised).__name__}", "after_execution"]


@pytest.mark.parametrize("hook", ["before_execution", "on_success", "after_execution"])
def test_a_broken_hook_is_noted_and_changes_nothing_of_the_result(hook: str) -> None:
    node = Recorder(True, broken=hook)
    assert attempt(node) == ("succeeded", f"{hook}() raised RuntimeError: {hook} is broken")
    assert node.calls == ["before_execution", "execute", "on_success", "after_execution"]


def test_a_value_that_the_store_refused_makes_the_attempt_an_error() -> None:
    state, error = attempt(Recorder(True), Refused("invalid", "cannot record that"))
    assert state == "error"
    assert error is not None
    assert "cannot record that" in error


def test_a_long_error_keeps_its_first_line_and_its_end() -> None:
    text = "ValueError: first\n" + "middle\n" * 5000 + "last line"
    shown = bounded(text)
    assert len(shown) <= LONGEST_ERROR + 10
    assert shown.startswith("ValueError: first\n")
    assert shown.endswith("last line")


def test_an_error_that_is_no_text_can_be_recorded() -> None:
    assert bounded("odd \udcff and \0") == "odd \\udcff and \\0"
