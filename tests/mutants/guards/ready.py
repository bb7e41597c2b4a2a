"""Guards of the ready-made nodes: each due time once, conditions asked again in time, nobody left behind."""

from __future__ import annotations

from tests.mutants.guard import Guard, guards_in

LOOP = "tests/unit/test_runtime_resource.py::test_"
SCHEDULE = "tests/unit/test_schedule.py::test_"
TRIGGERS = "tests/unit/test_triggers.py::test_"
COMMANDS = "tests/integration/test_command_actions.py::test_"
HTTP = "tests/integration/test_http_action.py::test_"

DUE = "schedules: each due time starts one run, whatever clocks do"
ASKED = "triggers: asked again in time, and nothing polls"
FAMILY = "law 7: grandchildren go with it"
SECRET = "a secret is told to nobody else"

GUARDS: tuple[Guard, ...] = (
    *guards_in(
        "node_sdk/resources/schedule.py",
        DUE,
        (
            "a schedule goes on where the store says that it has been",
            'return _time_of(newest["location"])',
            "return self._clock()",
            f"{SCHEDULE}a_process_that_is_replaced_at_any_time_neither_repeats_nor_omits",
        ),
        (
            "when a timetable came into force is recorded",
            'self._record_all([Found(BEGUN + location_of(now), self.timetable.text, 0)], "old")',
            "pass",
            f"{SCHEDULE}what_was_due_before_the_first_due_time_was_ever_recorded_was_missed_too",
        ),
        (
            "a schedule whose clock was set back does not wait for it",
            "self._seen = now  # also",
            "self._seen = max(self._seen, now)  # also",
            f"{SCHEDULE}a_clock_that_is_set_back_repeats_nothing_and_holds_nothing_up",
        ),
        (
            "a timetable that was changed has missed nothing",
            "if newest is None or begun is None:",
            "if newest is None:",
            f"{SCHEDULE}a_timetable_that_is_changed_counts_from_then_on",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/resource.py",
        ASKED,
        (
            "a condition is asked again when time alone may have changed it",
            "self._ask_at = self._live.node.ask_again_at()",
            "self._ask_at = None",
            f"{LOOP}a_condition_that_time_alone_makes_true_is_asked_again_in_time",
        ),
        (
            "a paused resource waits for no time",
            "if self._live.link.paused or not waiting:",
            "if not waiting:",
            f"{LOOP}a_paused_resource_has_no_deadline",
        ),
        (
            "a wall clock that is set is noticed",
            "min(max(min(waiting) - time.time(), 0.0), LONGEST_WAIT)",
            "max(min(waiting) - time.time(), 0.0)",
            f"{LOOP}a_far_deadline_is_looked_at_again_in_a_while",
        ),
    ),
    *guards_in(
        "node_sdk/triggers.py",
        ASKED,
        (
            "a metric has no answer while a run is under way",
            'if store.ask(Count("runs", {"state": "running"})):',
            "if False:",
            f"{TRIGGERS}while_a_run_is_under_way_a_metric_has_no_answer",
        ),
        (
            "what is recorded while a trigger asks is not from the future",
            "since > now + MOST_ASKING",
            "since > now",
            f"{TRIGGERS}older_than_is_not_fooled_by_what_is_recorded_while_it_asks",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/runs.py",
        ASKED,
        (
            "a resource that is asked hears that a run has ended",
            "if not _waits_for_new(board, name):  # its",
            "if False:  # its",
            "tests/contract/test_stores.py::TestSqlite::test_who_is_asked_for_its_condition_hears_that_a_run_has_ended",
        ),
    ),
    *guards_in(
        "node_sdk/actions/family.py",
        FAMILY,
        (
            "a command runs below a subreaper",
            "    be_subreaper()\n",
            "",
            f"{COMMANDS}what_a_command_leaves_behind_ends_with_it",
        ),
        (
            "who ignores SIGTERM is killed",
            "(signal.SIGKILL, _SURE)",
            "(signal.SIGTERM, _SURE)",
            f"{COMMANDS}what_a_command_leaves_behind_ends_with_it",
        ),
        (
            "what the node itself had started is spared",
            "if spared.get(each.pid) != each.started]",
            "if True]",
            f"{COMMANDS}what_the_node_itself_had_started_is_spared",
        ),
    ),
    *guards_in(
        "node_sdk/actions/http.py",
        SECRET,
        (
            "a redirection is not followed",
            "build_opener(tls, _Stay)",
            "build_opener(tls)",
            f"{HTTP}an_answer_says_how_the_task_ended",
        ),
    ),
)
