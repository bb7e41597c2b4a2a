"""The rules of runs, without a store."""

import pytest

from node_sdk.metadata import rules
from node_sdk.testing.asking import action, graph

FAN = graph(action("a", "data"), action("b", "data"), action("c", "a", "b"), action("d", "c", rule="all_done"))


def states(**changes: str) -> dict[str, str]:
    return {**rules.start_states(FAN), **changes}


def test_actions_with_only_resources_before_them_are_due_at_the_start():
    assert rules.due_at_start(FAN) == {"a", "b"}


def test_a_task_is_due_when_the_last_of_its_predecessors_is_done():
    assert rules.due_by(FAN, "a", states(a="succeeded")) == []
    assert rules.due_by(FAN, "b", states(a="succeeded", b="succeeded")) == ["c"]


def test_a_task_that_has_begun_is_not_due_again():
    assert rules.due_by(FAN, "b", states(a="succeeded", b="succeeded", c="executing")) == []


@pytest.mark.parametrize("end", ["failed", "error", "skipped", "cancelled"])
def test_what_needs_success_is_skipped_after_anything_else(end):
    assert rules.to_skip(FAN, states(a="succeeded", b=end)) == ["c"]
    assert rules.to_skip(FAN, states(a="executing", b=end)) == []


def test_a_skip_is_carried_all_the_way_down():
    chain = graph(action("a", "data"), action("b", "a"), action("c", "b"))
    assert rules.to_skip(chain, {**rules.start_states(chain), "a": "failed"}) == ["b", "c"]


def test_whoever_comes_after_a_skipped_task_is_signalled_in_its_place():
    assert rules.due_by(FAN, "b", states(a="succeeded", b="failed", c="skipped")) == ["d"]


@pytest.mark.parametrize(
    ("rule", "before", "verdict"),
    [
        ("all_success", ("succeeded", "succeeded"), "due"),
        ("all_success", ("succeeded", "failed"), "skip"),
        ("all_done", ("error", "skipped"), "due"),
        ("all_done", ("error", "executing"), "wait"),
        ("one_success", ("failed", "succeeded"), "due"),
        ("one_success", ("succeeded", "pending"), "wait"),
        ("one_success", ("failed", "cancelled"), "skip"),
    ],
)
def test_trigger_rules(rule, before, verdict):
    tested = graph(action("a", "data"), action("b", "data"), action("c", "a", "b", rule=rule))
    known = {**rules.start_states(tested), "a": before[0], "b": before[1]}
    due = rules.is_due(tested.by_name["c"], known)
    assert ("due" if due else "skip" if "c" in rules.to_skip(tested, known) else "wait") == verdict


def test_a_run_ends_when_nothing_is_open_and_succeeds_when_everything_did():
    assert rules.run_end(states()) is None
    assert rules.run_end(states(a="succeeded", b="succeeded", c="succeeded", d="succeeded")) == "succeeded"
    assert rules.run_end(states(a="succeeded", b="failed", c="skipped", d="succeeded")) == "failed"


def test_a_pipeline_without_monitored_resources_starts_no_run_by_itself():
    by_hand = graph(action("a", "models"), resources=())
    assert not rules.trigger_holds(by_hand, set())


def test_a_node_without_a_task_in_a_run_holds_nobody_up():
    assert rules.is_due(FAN.by_name["c"], {"a": "succeeded", "c": "pending"})
