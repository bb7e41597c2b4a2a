"""A plain function as an action, and the settings that ready-made actions take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node_sdk import BaseActionNode, BaseNode, BaseResourceNode, InvalidPipeline, Pipeline, RestartPolicy
from node_sdk.actions import HttpActionNode, PythonActionNode, ShellActionNode, action, from_environment, from_file
from node_sdk.actions.settings import SETTINGS
from node_sdk.errors import AnacostiaError
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.testing import Rehearsal, TaskResult


class TrueOfNumpy:
    """Called as numpy calls what a comparison of its numbers gives."""

    def __init__(self, value: bool) -> None:
        self.value = value

    def __bool__(self) -> bool:
        return self.value


TrueOfNumpy.__name__ = "bool"


def resource() -> BaseResourceNode:
    return BaseResourceNode("data", "/nowhere", SqliteMetadataStore("store", "sqlite:////nowhere/runs.db"))


def executed(node: PythonActionNode) -> TaskResult:
    data = node.predecessors[0]
    with Rehearsal(Pipeline([data.predecessors[0], data, node], name="tiny")) as rehearsal:
        return rehearsal.execute(node.name, rehearsal.start_run())


def test_a_decorated_function_is_a_node_that_calls_it() -> None:
    data = resource()
    seen: list[tuple[int, int]] = []

    @action(data, retries=2, timeout=5)
    def count_words(node: PythonActionNode) -> None:
        seen.append((node.run_id, node.attempt))

    assert executed(count_words).state == "succeeded"
    assert seen == [(1, 1)]
    assert (count_words.name, count_words.retries, count_words.spec().timeout) == ("count_words", 2, 5.0)


@pytest.mark.parametrize(
    ("function", "state"),
    [
        (lambda: None, "succeeded"),
        (lambda: True, "succeeded"),
        (lambda: False, "failed"),
        (lambda: TrueOfNumpy(True), "succeeded"),
        (lambda: TrueOfNumpy(False), "failed"),
        (lambda node: node.attempt == 1, "succeeded"),
        (lambda *anything: len(anything) == 0, "succeeded"),
        (lambda: {"loss": 1.0}, "error"),
        (lambda: 0, "error"),
        (lambda: 1 / 0, "error"),
    ],
)
def test_what_a_function_returns_says_how_its_task_ended(function: Callable[..., Any], state: str) -> None:
    assert executed(PythonActionNode("do", function, [resource()])).state == state


def test_an_answer_that_says_nothing_of_success_is_named() -> None:
    result = executed(PythonActionNode("do", lambda: {"loss": 1.0}, [resource()]))
    assert result.error is not None
    assert "cannot tell whether the function of 'do' succeeded: it returned {'loss': 1.0}" in result.error


def test_what_may_be_set_on_the_class_of_an_action_may_be_given_as_a_keyword() -> None:
    ours = {name for kind in (BaseNode, BaseActionNode) for name in vars(kind).get("__annotations__", {})} - {"kind"}
    assert set(SETTINGS) == ours


def test_every_setting_of_an_action_is_a_keyword_and_no_other() -> None:
    policy = RestartPolicy(when="never")
    node = ShellActionNode("do", ["true"], [resource()], trigger_rule="all_done", restart=policy, stop_timeout=2)
    assert (node.spec().trigger_rule, node.spec().restart, node.spec().stop_timeout) == ("all_done", policy, 2.0)
    with pytest.raises(InvalidPipeline, match=r"ShellActionNode takes no 'retry' \(did you mean 'retries'\?\)"):
        ShellActionNode("do", ["true"], [resource()], retry=3)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda data: PythonActionNode("do", lambda a, b: None, [data]), r"its function takes \(a, b\)"),
        (lambda data: PythonActionNode("do", 5, [data]), "5 is no function"),  # type: ignore[arg-type]
        (lambda data: action()(lambda: None), "without predecessors"),
        (lambda data: action(lambda: None), "without predecessors"),  # type: ignore[arg-type]
        (lambda data: action(data)(lambda: None), "cannot name a node '<lambda>'"),
        (lambda data: ShellActionNode("do", "ls -l", [data]), "'ls -l' is one string; give a list of words, or say"),
        (lambda data: ShellActionNode("do", ["ls"], [data], shell=True), "with shell=True it is a string"),
        (lambda data: ShellActionNode("do", [], [data]), "a list of words is needed"),
        (lambda data: ShellActionNode("do", ["sleep", 5], [data]), "each of its words is a string or a path"),
        (lambda data: ShellActionNode("do", ["ls"], [data], failure=[0]), r"exit codes \[0\] are success and failure"),
        (lambda data: HttpActionNode("do", "file:///etc/passwd", [data]), "is no http:// or https:// address"),
        (lambda data: HttpActionNode("do", "http://a", [data], token="secret"), "give its token as from_file"),
    ],
)
def test_what_cannot_work_is_refused_where_the_pipeline_is_built(wrong: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(InvalidPipeline, match=words):
        wrong(resource())


def test_a_secret_is_read_where_it_is_used_and_shown_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "password"
    for missing in (from_file(path), from_environment("MAIL_PASSWORD")):
        with pytest.raises(AnacostiaError, match="cannot read a secret from"):
            missing.read()
    path.write_text("one two\n")
    monkeypatch.setenv("MAIL_PASSWORD", "three")
    assert [from_file(path).read(), from_environment("MAIL_PASSWORD").read()] == ["one two", "three"]
    assert "three" not in repr(from_environment("MAIL_PASSWORD"))
    path.write_text(" \n")
    with pytest.raises(AnacostiaError, match="the file is empty"):
        from_file(path).read()
