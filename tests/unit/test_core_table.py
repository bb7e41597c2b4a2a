"""The table of supervision is whole, and the code does what it says."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from anacostia_daemon.core.draw import page
from anacostia_daemon.core.events import (
    EVENTS,
    Beat,
    Deadline,
    Event,
    Exceeded,
    Exited,
    FamilyGone,
    Found,
    LastWords,
    MayStart,
    MayStop,
    OfIncarnation,
    Renew,
    Respec,
    Restart,
    SetDesired,
    Shutdown,
    Spawned,
    SpawnFailed,
    Wait,
    word,
)
from anacostia_daemon.core.node import InvalidTransition, NodeState, Phase, new_node, step
from anacostia_daemon.core.phases import MEANING, PHASES, TABLE, Handled, Ignored, Impossible
from anacostia_daemon.core.transitions import HANDLERS
from node_sdk.graph import NodeSpec

SPEC = NodeSpec(name="train", kind="action", type="Train", base_type="BaseActionNode")
PAIRS = [(phase, event) for phase in PHASES for event in EVENTS]
LATER = 10_000.0

EXAMPLES: dict[type[Event], Event] = {
    SetDesired: SetDesired("down", "asked"),
    Restart: Restart("asked"),
    Respec: Respec(dataclasses.replace(SPEC, stop_timeout=3.0)),
    Renew: Renew("its file was loaded again"),
    Shutdown: Shutdown("the daemon ends"),
    MayStart: MayStart(),
    MayStop: MayStop(),
    Wait: Wait("waiting for store to be ready"),
    Spawned: Spawned(1, 42, 1.5),
    SpawnFailed: SpawnFailed(1, "no memory"),
    Found: Found(1, 42, 1.5, True),
    Beat: Beat(1, True, "idle"),
    LastWords: LastWords(1, "setup", "setup() raised ValueError: no"),
    Exited: Exited(1, 3, None),
    FamilyGone: FamilyGone(1),
    Exceeded: Exceeded(1, "uses 2 GiB of memory, 1 GiB is its memory_limit"),
    Deadline: Deadline(),
}


def in_phase(phase: Phase) -> NodeState:
    """A node that came to `phase` by the ordinary way."""
    state = new_node(SPEC)
    way: dict[Phase, list[Event]] = {
        "down": [SetDesired("up", "asked")],
        "starting": [MayStart(), Spawned(1, 42, 1.5)],
        "ready": [Beat(1, True, "")],
        "stopping": [SetDesired("down", "asked"), MayStop()],
        "killing": [Exited(1, 0, None)],
    }
    if phase in ("backoff", "failed"):
        limit = 0 if phase == "failed" else 5
        spec = dataclasses.replace(SPEC, restart=dataclasses.replace(SPEC.restart, max_restarts=limit))
        events: list[Event] = [SetDesired("up", "x"), MayStart(), SpawnFailed(1, "no memory"), FamilyGone(1)]
        state = new_node(spec)
    else:
        events = [event for each in PHASES[: PHASES.index(phase) + 1] for event in way[each]]
    for event in events:
        state, _ = step(state, event, 0.0)
    assert state.phase == phase
    return state


def test_every_pair_of_phase_and_event_has_exactly_one_verdict() -> None:
    assert set(TABLE) == set(PAIRS)
    assert set(MEANING) == set(PHASES)
    assert all(isinstance(verdict, Handled | Ignored | Impossible) for verdict in TABLE.values())


def test_every_event_is_in_the_table_and_has_an_example_here() -> None:
    # By name: a dataclass with slots is a second class beside the one that was written.
    leaves = {each.__name__ for each in Event.__subclasses__() + OfIncarnation.__subclasses__()} - {"OfIncarnation"}
    assert {each.__name__ for each in EVENTS} == leaves
    assert set(EVENTS) == set(EXAMPLES)


@pytest.mark.parametrize(("phase", "event"), PAIRS, ids=lambda each: each if isinstance(each, str) else word(each))
def test_a_step_does_what_the_table_says(phase: Phase, event: type[Event]) -> None:
    state, verdict = in_phase(phase), TABLE[phase, event]
    if isinstance(verdict, Impossible):
        with pytest.raises(InvalidTransition) as caught:
            step(state, EXAMPLES[event], LATER)
        assert (caught.value.state, caught.value.event) == (state, EXAMPLES[event])
        assert verdict.why in str(caught.value)
    else:
        after, actions = step(state, EXAMPLES[event], LATER)
        if isinstance(verdict, Ignored):
            assert (after, actions) == (state, ())
        else:
            assert after.phase == phase or after.phase in verdict.to


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("event", [each for each in EVENTS if issubclass(each, OfIncarnation)], ids=word)
def test_what_is_said_of_an_older_incarnation_changes_nothing(phase: Phase, event: type[OfIncarnation]) -> None:
    state = in_phase(phase)
    state = dataclasses.replace(state, incarnation=2, highest=2)
    assert step(state, EXAMPLES[event], LATER) == (state, ())


def test_no_way_leads_to_starting_but_from_down_backoff_and_a_cleared_family() -> None:
    ways = {
        (phase, event) for (phase, event), each in TABLE.items() if isinstance(each, Handled) and "starting" in each.to
    }
    assert ways == {("down", MayStart), ("down", Found), ("backoff", Deadline), ("killing", FamilyGone)}


def test_no_phase_with_a_process_leads_to_rest_but_by_killing() -> None:
    for (phase, _), verdict in TABLE.items():
        if isinstance(verdict, Handled) and phase in ("starting", "ready", "stopping"):
            assert not {"down", "backoff", "failed"} & set(verdict.to)


def test_an_impossible_event_is_told_with_what_came_before() -> None:
    state = in_phase("ready")
    with pytest.raises(
        InvalidTransition, match=r"cannot take MayStart\(\) for node 'train' in phase 'ready'"
    ) as caught:
        step(state, MayStart(), 0.0)
    assert "beat: starting to ready (set up)" in str(caught.value)


def test_a_way_that_is_not_in_the_table_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    state = in_phase("ready")
    monkeypatch.setitem(HANDLERS, Beat, lambda turn, event: turn.enter("failed", "odd"))
    with pytest.raises(InvalidTransition, match="the table has no way from here to 'failed'"):
        step(state, EXAMPLES[Beat], LATER)


def test_the_page_in_the_docs_is_drawn_from_the_table_as_it_is() -> None:
    drawn = Path(__file__).parents[2] / "docs" / "lifecycle.md"
    assert drawn.read_text(encoding="utf-8") == page(), (
        "docs/lifecycle.md is not current: python -m anacostia_daemon.core.draw > docs/lifecycle.md"
    )
