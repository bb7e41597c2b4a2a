"""What becomes of one node: each test is a short story told to `step`, with the time as a number."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from anacostia_daemon.core.actions import Action, ClearFamily, Kill, Note, Spawn, Tell, Terminate
from anacostia_daemon.core.ends import REKILL
from anacostia_daemon.core.events import (
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
    Restart,
    SetDesired,
    Shutdown,
    Spawned,
    SpawnFailed,
)
from anacostia_daemon.core.node import NodeState, new_node, step
from node_sdk.graph import NodeSpec
from node_sdk.policy import RestartPolicy


class Story:
    """A node, the time, and all that was asked for so far."""

    def __init__(self, state: NodeState | None = None, **policy: Any) -> None:
        spec = NodeSpec(name="n", kind="action", type="N", base_type="B", restart=RestartPolicy(jitter=0.0, **policy))
        self.state = new_node(spec) if state is None else state
        self.now = 0.0
        self.done: list[Action] = []

    def tell(self, *events: Event, at: float | None = None) -> list[Action]:
        """Feed events; returns the actions that are no notes."""
        self.now = self.now if at is None else at
        asked: list[Action] = []
        for event in events:
            self.state, actions = step(self.state, event, self.now)
            asked += actions
        self.done += asked
        return [each for each in asked if not isinstance(each, Note)]

    def start(self) -> Story:
        self.tell(SetDesired("up", "asked"), MayStart(), Spawned(1, 41, 1.0), Beat(1, True, "idle"))
        assert self.state.phase == "ready"
        return self

    def crash(self, at: float, **how: Any) -> None:
        self.tell(Exited(self.n, how.get("code"), how.get("signal")), FamilyGone(self.n), at=at)

    @property
    def n(self) -> int:
        return self.state.incarnation

    @property
    def notes(self) -> list[Note]:
        return [each for each in self.done if isinstance(each, Note)]


def a_node(**spec: Any) -> NodeState:
    return new_node(NodeSpec(name="n", kind="action", type="N", base_type="B", **spec))


def test_a_node_that_is_wanted_up_is_spawned_when_it_may_start_and_ready_when_it_says_so() -> None:
    story = Story()
    assert story.tell(SetDesired("up", "asked")) == []
    assert story.tell(MayStart()) == [Spawn(1, paused=False, crashed=False)]
    assert (story.state.phase, story.state.deadline) == ("starting", 300.0)
    story.tell(Spawned(1, 42, 1.5), Beat(1, False, "setup"), Beat(1, True, "idle"), at=7.0)
    assert (story.state.phase, story.state.pid, story.state.ready_at, story.state.deadline) == ("ready", 42, 7.0, 37.0)
    assert [(each.event, each.from_, each.to) for each in story.notes] == [
        ("desired", "down", "up"),
        ("may-start", "down", "starting"),
        ("beat", "starting", "ready"),
    ]


@pytest.mark.parametrize(
    ("end", "crashed"),
    [
        (Exited(1, None, 9), False),  # a person or another program
        (Exited(1, None, 9, out_of_memory=True), True),
        (Exited(1, None, 11), True),
        (Exited(1, 3, None), True),
        (Exited(1, None, None, "ended while its loader was gone"), False),
    ],
)
def test_only_its_own_faults_count_against_what_it_executed(end: Exited, crashed: bool) -> None:
    story = Story().start()
    assert story.tell(end, FamilyGone(1)) == [ClearFamily(1), Spawn(2, paused=False, crashed=crashed)]
    assert story.state.restarts == 1


def test_a_node_that_is_not_wanted_does_not_start_though_it_may() -> None:
    story = Story()
    assert story.tell(MayStart()) == []
    assert story.state.phase == "down"


def test_the_first_crash_is_followed_by_a_start_at_once_but_only_when_the_family_is_gone() -> None:
    story = Story().start()
    assert story.tell(Exited(1, None, 11)) == [ClearFamily(1)]
    assert (story.state.phase, story.state.reason) == ("killing", "killed by SIGSEGV")
    assert story.tell(FamilyGone(1)) == [Spawn(2, paused=False, crashed=True)]
    assert story.state.restarts == 1
    assert story.state.last_end is not None
    assert (story.state.last_end.reason, story.state.last_end.signal) == ("killed by SIGSEGV", 11)


def test_a_beat_that_overtakes_the_news_of_the_spawn_is_believed() -> None:
    story = Story()
    story.tell(SetDesired("up", "asked"), MayStart(), Beat(1, True, "idle"))
    assert story.state.phase == "ready"
    story.tell(Spawned(1, 42, 1.5))
    assert (story.state.phase, story.state.pid) == ("ready", 42)


def test_crashes_wait_longer_and_longer_until_the_budget_is_spent() -> None:
    story = Story(max_restarts=4).start()
    waits = []
    for _ in range(4):
        story.crash(story.now, code=1)
        if story.state.phase == "backoff":
            assert story.state.deadline is not None
            waits.append(story.state.deadline - story.now)
            assert story.tell(Deadline(), at=story.state.deadline) == [Spawn(story.n, paused=False, crashed=True)]
    assert waits == [0.5, 1.0, 2.0]
    story.crash(story.now, code=1)
    assert story.state.phase == "failed"
    assert story.state.reason == "exited with code 1; 4 restarts within 60 s are spent"
    assert story.state.deadline is None


@pytest.mark.parametrize("event", [SetDesired("up", "asked again"), Restart("asked again")])
def test_a_failed_node_starts_anew_with_a_fresh_budget_when_it_is_asked_to(event: Event) -> None:
    story = Story(max_restarts=0).start()
    story.crash(1.0, code=1)
    assert story.state.phase == "failed"
    assert story.tell(event) == []
    assert (story.state.phase, story.state.wants_start, story.state.budget.times) == ("down", True, ())
    assert story.tell(MayStart()) == [Spawn(2, paused=False, crashed=True)]


def test_pausing_a_failed_node_does_not_start_it() -> None:
    story = Story(max_restarts=0).start()
    story.crash(1.0, code=1)
    story.tell(SetDesired("paused", "asked"))
    assert (story.state.phase, story.state.desired) == ("failed", "paused")


def test_after_a_healthy_time_the_backoff_begins_anew_but_the_budget_does_not() -> None:
    story = Story(healthy_after=10.0, max_restarts=2).start()
    story.crash(0.0, code=1)
    story.tell(Beat(2, True, ""), at=1.0)
    story.crash(11.0, code=1)
    assert (story.state.phase, story.n) == ("starting", 3)
    story.tell(Beat(3, True, ""), at=12.0)
    story.crash(30.0, code=1)
    assert story.state.phase == "failed"


def test_the_silence_of_a_hung_node_does_not_count_as_health() -> None:
    story = Story(healthy_after=20.0).start()
    story.crash(0.0, code=1)
    story.tell(Beat(2, True, ""), at=1.0)
    story.tell(Deadline(), Exited(2, None, 9), FamilyGone(2), at=31.0)
    assert story.state.phase == "backoff"


def test_a_hung_node_is_killed_reaped_and_counted_as_a_crash() -> None:
    story = Story().start()
    assert story.tell(Deadline(), at=29.9) == []
    assert story.tell(Deadline(), at=30.0) == [Kill(1)]
    assert (story.state.phase, story.state.reason) == ("killing", "no heartbeat for 30 s")
    assert story.tell(Exited(1, None, 9), FamilyGone(1)) == [ClearFamily(1), Spawn(2, paused=False, crashed=True)]
    assert story.state.last_end is not None
    assert story.state.last_end.reason == "no heartbeat for 30 s"


def test_a_beat_moves_the_deadline_of_a_ready_node() -> None:
    story = Story().start()
    story.tell(Beat(1, True, "run 7"), at=20.0)
    assert (story.state.deadline, story.state.work) == (50.0, "run 7")


def test_a_node_that_never_gets_ready_is_killed_after_its_start_timeout() -> None:
    story = Story(a_node(start_timeout=5.0))
    story.tell(SetDesired("up", "asked"), MayStart(), Spawned(1, 42, 1.0))
    assert story.tell(Deadline(), at=5.0) == [Kill(1)]
    assert story.state.reason == "did not become ready within 5 s"


def test_beats_that_are_not_ready_do_not_move_the_start_timeout() -> None:
    story = Story(a_node(start_timeout=50.0))
    story.tell(SetDesired("up", "asked"), MayStart(), Spawned(1, 42, 1.0))
    story.tell(Beat(1, False, "setup"), at=10.0)
    assert story.state.deadline == 40.0
    story.tell(Beat(1, False, "setup"), at=39.0)
    assert story.state.deadline == 50.0
    assert story.tell(Deadline(), at=50.0) == [Kill(1)]
    assert story.state.reason == "did not become ready within 50 s"


def test_a_node_that_began_to_beat_and_stopped_is_hung_though_it_is_not_ready() -> None:
    story = Story()
    story.tell(SetDesired("up", "asked"), MayStart(), Spawned(1, 42, 1.0), Beat(1, False, "setup"))
    assert story.tell(Deadline(), at=30.0) == [Kill(1)]
    assert story.state.reason == "no heartbeat for 30 s"


def test_a_node_stops_when_it_may_and_is_killed_after_its_stop_timeout() -> None:
    story = Story().start()
    assert story.tell(SetDesired("down", "asked by stop")) == []
    assert story.tell(MayStop()) == [Terminate(1)]
    assert (story.state.phase, story.state.deadline) == ("stopping", 10.0)
    assert story.tell(Deadline(), at=10.0) == [Kill(1)]
    assert story.state.reason == "asked by stop; did not stop within 10 s"
    story.tell(Exited(1, None, 9), FamilyGone(1))
    assert (story.state.phase, story.state.reason, story.state.pid) == ("down", "asked by stop", None)
    assert story.state.restarts == 0


def test_an_end_that_was_asked_for_and_came_in_time_does_not_sound_as_if_it_were_killed() -> None:
    story = Story().start()
    story.tell(SetDesired("down", "stopped by a user"), MayStop(), Exited(1, 0, None), FamilyGone(1))
    assert [(each.to, each.reason) for each in story.notes[-2:]] == [
        ("killing", "stopped by a user; exited with code 0; seeing that nothing of it is left"),
        ("down", "stopped by a user"),
    ]
    assert story.state.last_end is not None
    assert story.state.last_end.reason == "stopped by a user; exited with code 0"


def test_a_stop_that_is_taken_back_before_its_turn_changes_nothing() -> None:
    story = Story().start()
    story.tell(SetDesired("down", "asked"), SetDesired("up", "after all"))
    assert story.tell(MayStop()) == []
    assert story.state.phase == "ready"


def test_a_node_wanted_up_again_while_it_stops_goes_down_first_and_then_starts() -> None:
    story = Story().start()
    story.tell(SetDesired("down", "asked"), MayStop(), SetDesired("up", "after all"))
    story.tell(Exited(1, 0, None), FamilyGone(1))
    assert story.state.phase == "down"
    assert story.tell(MayStart()) == [Spawn(2, paused=False, crashed=False)]


def test_a_restart_stops_and_starts_and_counts_no_crash() -> None:
    story = Story().start()
    story.tell(Restart("asked by restart"))
    assert story.state.must_go
    assert story.tell(MayStop(), Exited(1, 0, None), FamilyGone(1)) == [Terminate(1), ClearFamily(1)]
    assert (story.state.phase, story.state.wants_start, story.state.restarts) == ("down", True, 0)
    assert story.tell(MayStart()) == [Spawn(2, paused=False, crashed=False)]


def test_a_restart_of_a_node_that_is_down_brings_it_up() -> None:
    story = Story()
    story.tell(Restart("asked"))
    assert (story.state.desired, story.state.wants_start) == ("up", True)


def test_a_stop_during_the_start_reaches_the_process_once_its_pid_is_known() -> None:
    story = Story()
    story.tell(SetDesired("up", "asked"), MayStart(), SetDesired("down", "asked"))
    assert story.tell(MayStop()) == [Terminate(1)]
    assert story.tell(Spawned(1, 42, 1.0)) == [Terminate(1)]


def test_a_kill_reaches_the_process_once_its_pid_is_known() -> None:
    story = Story()
    story.tell(SetDesired("up", "asked"), MayStart())
    assert story.tell(Deadline(), at=300.0) == [Kill(1)]
    assert story.tell(Spawned(1, 42, 1.0)) == [Kill(1)]


def test_a_stop_during_backoff_lets_no_new_process_appear() -> None:
    story = Story().start()
    story.crash(0.0, code=1)
    story.crash(0.1, code=1)
    assert story.state.phase == "backoff"
    assert story.tell(SetDesired("down", "asked")) == []
    assert (story.state.phase, story.state.deadline) == ("down", None)


def test_a_stop_while_a_crashed_node_is_cleared_lets_no_new_process_appear() -> None:
    story = Story().start()
    story.tell(Exited(1, None, 11), SetDesired("down", "asked"))
    assert story.tell(FamilyGone(1)) == []
    assert story.state.phase == "down"


def test_sigkill_and_clearing_are_said_again_while_they_have_no_effect() -> None:
    story = Story().start()
    story.tell(Deadline(), at=30.0)
    assert story.tell(Deadline(), at=30.0 + REKILL) == [Kill(1)]
    assert story.tell(Deadline(), at=30.0 + 2 * REKILL) == [Kill(1)]
    assert story.state.reason == "no heartbeat for 30 s; still there after SIGKILL"
    story.tell(Exited(1, None, 9))
    assert story.tell(Deadline(), at=30.0 + 3 * REKILL) == [ClearFamily(1)]


def test_a_spawn_that_fails_is_tried_again_but_not_at_once() -> None:
    story = Story()
    story.tell(SetDesired("up", "asked"), MayStart())
    assert story.tell(SpawnFailed(1, "no memory")) == [ClearFamily(1)]
    story.tell(FamilyGone(1))
    assert (story.state.phase, story.state.deadline) == ("backoff", 0.5)
    assert story.state.reason == "waits 0.5 s after: could not be started: no memory"
    assert story.tell(Deadline(), at=0.5) == [Spawn(2, paused=False, crashed=False)]


def test_without_backoff_all_restarts_are_immediate() -> None:
    story = Story(backoff_initial=0.0, max_restarts=None).start()
    for number in range(1, 50):
        story.crash(0.0, code=1)
        assert (story.state.phase, story.n) == ("starting", number + 1)
    assert len(story.state.budget.times) == 1


@pytest.mark.parametrize("when", ["never", "on-failure"])
def test_a_node_that_ended_well_is_done_where_its_policy_says_so(when: str) -> None:
    story = Story(when=when).start()
    story.crash(1.0, code=0)
    assert (story.state.phase, story.state.desired, story.state.done) == ("down", "up", True)
    assert story.state.reason == f"exited with code 0; its restart policy is '{when}'"
    assert not story.state.wants_start
    assert story.tell(MayStart()) == []
    story.tell(SetDesired("up", "asked again"))
    assert story.state.wants_start


def test_pause_and_resume_do_not_start_a_node_that_is_done() -> None:
    story = Story(when="never").start()
    story.crash(1.0, code=0)
    story.tell(SetDesired("paused", "asked"), SetDesired("up", "resumed"))
    assert not story.state.wants_start


def test_a_node_that_is_never_restarted_fails_when_it_crashes() -> None:
    story = Story(when="never").start()
    story.crash(1.0, signal=11)
    assert (story.state.phase, story.state.reason) == ("failed", "killed by SIGSEGV; its restart policy is 'never'")


def test_always_means_also_after_exit_code_0() -> None:
    story = Story().start()
    story.crash(1.0, code=0)
    assert story.done[-1] == Spawn(2, paused=False, crashed=True)


def test_pause_is_told_to_a_ready_process_once_and_resume_too() -> None:
    story = Story().start()
    assert story.tell(SetDesired("paused", "asked")) == [Tell(True)]
    assert story.tell(SetDesired("paused", "asked"), Beat(1, True, "")) == []
    assert story.tell(SetDesired("up", "asked")) == [Tell(False)]


def test_pause_during_the_start_is_told_when_the_process_can_hear_it() -> None:
    story = Story()
    story.tell(SetDesired("up", "asked"), MayStart(), Spawned(1, 42, 1.0))
    assert story.tell(SetDesired("paused", "asked")) == []
    assert story.tell(Beat(1, True, "")) == [Tell(True)]


def test_a_paused_node_is_spawned_paused_again() -> None:
    story = Story().start()
    story.tell(SetDesired("paused", "asked"))
    story.crash(1.0, signal=11)
    assert story.done[-1] == Spawn(2, paused=True, crashed=True)


def test_last_words_are_the_reason_of_the_end() -> None:
    story = Story()
    story.tell(SetDesired("up", "asked"), MayStart(), Spawned(1, 42, 1.0))
    story.tell(LastWords(1, "setup", "setup() of node 'n' raised ValueError: no folder"), Exited(1, 1, None))
    assert story.state.reason == "setup() of node 'n' raised ValueError: no folder"


def test_last_words_that_come_after_the_news_of_the_end_are_still_heard() -> None:
    story = Story()
    story.tell(SetDesired("up", "asked"), MayStart(), Spawned(1, 42, 1.0))
    story.tell(Exited(1, 1, None), LastWords(1, "setup", "setup() raised ValueError: no"))
    assert story.state.last_end is not None
    assert story.state.last_end.reason == "setup() raised ValueError: no"


def test_a_signal_tells_more_than_last_words() -> None:
    story = Story().start()
    story.tell(LastWords(1, "error", "odd"), Exited(1, None, 11))
    assert story.state.reason == "killed by SIGSEGV"
    story = Story().start()
    story.tell(LastWords(1, "error", "odd"), Exited(1, None, 9))
    assert story.state.reason == "killed by SIGKILL"


def test_a_process_that_ended_itself_over_a_task_says_why_and_its_task_did_not_crash_it() -> None:
    words = LastWords(1, "timeout", "its task did not end within its timeout of 5 s")
    story = Story().start()
    story.tell(words, Exited(1, None, 9, out_of_memory=True))
    assert story.state.reason == words.message
    assert not story.state.crashed
    story = Story().start()
    story.tell(Exited(1, None, 9), words)
    assert story.state.last_end is not None
    assert (story.state.last_end.reason, story.state.last_end.signal) == (words.message, 9)


def test_a_fenced_node_is_followed_by_a_number_that_the_store_has_not_seen() -> None:
    story = Story().start()
    story.tell(LastWords(1, "fenced", "incarnation 8 is at work", current=8), Exited(1, 75, None))
    assert story.tell(FamilyGone(1)) == [Spawn(9, paused=False, crashed=False)]


def test_a_node_that_is_never_restarted_gets_the_number_that_the_store_asks_for_before_it_was_ever_ready() -> None:
    story = Story(when="never")
    story.tell(SetDesired("up", "asked"), MayStart(), Spawned(1, 42, 1.5))
    story.tell(LastWords(1, "fenced", "incarnation 8 is at work", current=8), Exited(1, 70, None))
    assert story.tell(FamilyGone(1)) == [Spawn(9, paused=False, crashed=False)]


def test_a_crash_is_told_until_an_incarnation_has_been_ready() -> None:
    story = Story().start()
    story.crash(0.0, signal=11)
    story.tell(SetDesired("down", "asked"), MayStop(), Exited(2, 0, None), FamilyGone(2), SetDesired("up", "asked"))
    assert story.tell(MayStart()) == [Spawn(3, paused=False, crashed=True)]
    story.tell(Beat(3, True, ""), Restart("asked"), MayStop(), Exited(3, 0, None), FamilyGone(3))
    assert story.tell(MayStart()) == [Spawn(4, paused=False, crashed=False)]


def test_a_shutdown_takes_the_node_down_and_keeps_what_is_wanted() -> None:
    story = Story().start()
    story.tell(Shutdown("the daemon ends"))
    assert story.tell(MayStop(), Exited(1, 0, None), FamilyGone(1)) == [Terminate(1), ClearFamily(1)]
    assert (story.state.phase, story.state.desired, story.state.wants_start) == ("down", "up", False)
    assert story.tell(MayStart()) == []


# ---- a daemon that starts (law 2)


def orphan(**facts: Any) -> Story:
    spec = NodeSpec(name="n", kind="action", type="N", base_type="B")
    return Story(new_node(spec, 5, desired="up", orphan=True, **facts))


def test_an_orphan_is_not_started_before_it_is_known_whether_it_lives() -> None:
    story = orphan()
    assert story.tell(MayStart()) == []
    assert not story.state.at_rest


def test_an_orphan_that_lives_is_adopted_and_nothing_is_spawned() -> None:
    story = orphan()
    assert story.tell(Found(5, 42, 1.5, True, ready_at=-100.0), at=1.0) == []
    assert (story.state.phase, story.state.pid, story.state.ready_at) == ("ready", 42, -100.0)
    assert story.state.deadline == 31.0


def test_an_adopted_process_is_told_whether_it_is_paused_with_its_first_beat() -> None:
    story = orphan()
    assert story.tell(Found(5, 42, 1.5, True), SetDesired("paused", "asked")) == []
    assert story.tell(Beat(5, True, "")) == [Tell(True)]
    assert story.tell(Beat(5, True, "")) == []


def test_an_adopted_process_that_was_not_ready_gets_its_start_timeout() -> None:
    story = orphan()
    story.tell(Found(5, 42, 1.5, False))
    assert (story.state.phase, story.state.deadline) == ("starting", 300.0)


def test_an_orphan_that_should_not_live_is_adopted_and_stopped() -> None:
    story = Story(dataclasses.replace(orphan().state, desired="down"))
    story.tell(Found(5, 42, 1.5, True))
    assert story.tell(MayStop()) == [Terminate(5)]


def test_an_orphan_that_died_unwatched_is_cleared_counted_and_started_again() -> None:
    story = orphan()
    assert story.tell(Exited(5, None, 11, "ended while no daemon watched")) == [ClearFamily(5)]
    assert story.state.reason == "killed by SIGSEGV (ended while no daemon watched)"
    assert story.tell(FamilyGone(5)) == [Spawn(6, paused=False, crashed=True)]


def test_an_orphan_that_died_with_the_machine_is_not_to_blame() -> None:
    story = orphan()
    story.tell(Exited(5, None, None, "the machine was restarted", fault=False), FamilyGone(5))
    assert (story.state.phase, story.state.restarts) == ("down", 0)
    assert story.tell(MayStart()) == [Spawn(6, paused=False, crashed=False)]


def test_the_news_of_an_end_that_is_known_changes_nothing() -> None:
    story = Story().start()
    story.tell(SetDesired("down", "asked"), MayStop(), Exited(1, 0, None), FamilyGone(1))
    before = story.state
    assert story.tell(Exited(1, 0, None), FamilyGone(1)) == []
    assert story.state == before


def test_what_is_done_stays_done_when_the_daemon_is_restarted() -> None:
    spec = NodeSpec(name="n", kind="action", type="N", base_type="B")
    assert not new_node(spec, 3, desired="up", done=True).wants_start


def test_a_process_that_is_newer_than_the_journal_knows_is_adopted() -> None:
    story = Story()
    story.tell(SetDesired("up", "asked"), Found(7, 42, 1.5, True))
    assert (story.state.phase, story.n) == ("ready", 7)
    story.crash(1.0, signal=9)
    assert story.n == 8


def test_a_node_is_not_started_again_before_it_is_reaped() -> None:
    story = Story().start()
    assert story.tell(Deadline(), at=1000.0) == [Kill(1)]
    assert story.tell(FamilyGone(1)) == []  # an answer to nothing: its head was not seen to die
    assert story.state.phase == "killing"
    assert story.tell(Exited(1, None, 9)) == [ClearFamily(1)]
    assert story.tell(FamilyGone(1)) == [Spawn(2, paused=False, crashed=True)]


def test_the_news_of_an_end_that_comes_twice_changes_nothing() -> None:
    story = Story().start()
    assert story.tell(Exited(1, 1, None)) == [ClearFamily(1)]
    before = story.state
    assert story.tell(Exited(1, None, 9)) == []
    assert story.state.last_end == before.last_end


def test_a_deadline_that_was_moved_does_not_come() -> None:
    story = Story().start()
    story.tell(Beat(1, True, "run 7"), at=20.0)
    assert story.tell(Deadline(), at=30.0) == []  # when the one before the beat would have come
    assert story.state.phase == "ready"
    assert story.tell(Deadline(), at=50.0) == [Kill(1)]


@pytest.mark.parametrize("ready", [True, False])
def test_a_node_that_uses_more_than_it_may_is_killed_and_started_again_with_exactly_that_reason(ready: bool) -> None:
    story = Story()
    story.tell(SetDesired("up", "asked"), MayStart(), Spawned(1, 41, 1.0))
    if ready:
        story.tell(Beat(1, True, "idle"))
    assert story.tell(Exceeded(1, "used 2 GiB of memory")) == [Kill(1)]
    assert (story.state.phase, story.state.reason) == ("killing", "used 2 GiB of memory")
    story.tell(Exited(1, None, 9))
    assert story.state.crashed  # its task may be to blame
    assert story.tell(FamilyGone(1)) == [Spawn(2, False, True)]
    assert story.state.last_end is not None and story.state.last_end.reason == "used 2 GiB of memory"


def test_a_node_on_its_way_out_is_not_blamed_for_what_it_uses() -> None:
    story = Story().start()
    story.tell(SetDesired("down", "stopped"), MayStop())
    assert story.tell(Exceeded(1, "used 2 GiB of memory")) == [Kill(1)]
    story.tell(Exited(1, None, 9), FamilyGone(1))
    assert (story.state.phase, story.state.crashed) == ("down", False)
