from __future__ import annotations

from typing import Any

import pytest

from node_sdk.errors import Refused, TaskTimeout
from node_sdk.nodes.action import BaseActionNode
from node_sdk.runtime.attempt import LONGEST_ERROR, Attempt, bounded


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


def called(node: Recorder, since: str) -> tuple[str, str | None]:
    """An attempt that is called back once the method `since` has been called; nothing is raised in user code."""
    late = TaskTimeout("did not end within its timeout of 5 s")
    return Attempt(node, Told(), called=lambda: late if since in node.calls else None).make()


def test_an_attempt_that_swallowed_that_it_was_called_back_is_an_error_all_the_same() -> None:
    node = Recorder(True)
    state, error = called(node, "execute")
    assert (state, (error or "").splitlines()[0]) == ("error", "did not end within its timeout of 5 s")
    assert node.calls == ["before_execution", "execute", "on_error TaskTimeout", "after_execution"]


def test_an_attempt_that_is_called_back_before_it_executes_does_not_execute() -> None:
    node = Recorder(True)
    assert called(node, "before_execution")[0] == "error"
    assert node.calls == ["before_execution", "on_error TaskTimeout", "after_execution"]


def test_an_attempt_that_is_called_back_in_a_hook_after_it_has_succeeded_has_succeeded() -> None:
    node = Recorder(True)
    assert called(node, "on_success") == ("succeeded", None)


def test_an_error_raised_in_answer_to_being_called_back_comes_with_the_reason() -> None:
    node = Recorder(RuntimeError("cleaning up failed"))
    state, error = called(node, "execute")
    assert (state, (error or "").splitlines()[0]) == ("error", "did not end within its timeout of 5 s")
    assert "RuntimeError: cleaning up failed" in (error or "")
    assert "on_error RuntimeError" in node.calls


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
