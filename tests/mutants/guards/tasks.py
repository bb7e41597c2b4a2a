"""Guards of the ledger: saying it twice does it once, and every run ends."""

from __future__ import annotations

from tests.mutants.guard import Guard, guards_in

CONTRACT = "tests/contract/test_stores.py::TestMemory::test_"

ONCE = "recorded exactly once, however often it is said"
ENDS = "every run ends, and says how"

GUARDS: tuple[Guard, ...] = (
    *guards_in(
        "node_sdk/metadata/tasks.py",
        ONCE,
        (
            "a task that is over does not begin again",
            '_refuse_over(task, "begin")',
            "pass",
            f"{CONTRACT}an_attempt_may_be_begun_twice_but_not_once_its_task_is_over",
        ),
        (
            "an attempt begins once",
            'if task["incarnation"] == by.incarnation:\n            return',
            "if False:\n            return",
            f"{CONTRACT}an_attempt_may_be_begun_twice_but_not_once_its_task_is_over",
        ),
        (
            "a task cannot begin before its predecessors are done",
            'if task["state"] == "pending" and not runs.is_due(board, run, by.node):',
            "if False:",
            f"{CONTRACT}a_task_cannot_begin_before_its_predecessors_are_done",
        ),
        (
            "a new attempt takes back what the last one logged",
            'if task["attempts"]:\n        for table',
            "if False:\n        for table",
            f"{CONTRACT}a_new_attempt_takes_back_what_the_last_one_logged",
        ),
        (
            "a completion that differs from what stands is refused",
            'if rules.is_over(task["state"]) and not (begun and task["state"] == operation.state):',
            "if False:",
            f"{CONTRACT}a_completion_that_differs_from_what_stands_is_refused",
        ),
        (
            "the completion of an attempt that has not begun is refused",
            "if not begun and operation.seconds is None:\n        raise",
            "if False:\n        raise",
            f"{CONTRACT}only_the_attempt_that_has_begun_can_complete",
        ),
        (
            "a task completes once, with its outputs",
            'if not rules.is_over(task["state"]):\n        also',
            "if True:\n        also",
            f"{CONTRACT}everything_may_be_said_twice",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/logged.py",
        ONCE,
        (
            "metrics that stand are not recorded a second time",
            'if board.tables.count("metrics", where):\n        return',
            'if board.tables.count("metrics", where):\n        pass',
            f"{CONTRACT}everything_may_be_said_twice",
        ),
        (
            "what an attempt that was given up still says is dropped",
            'if rules.is_given_up(task["state"], task["attempts"], attempt):\n            return  # said',
            "if False:\n            return  # said",
            f"{CONTRACT}what_an_older_attempt_said_does_not_come_back",
        ),
        (
            "only the attempt at work may log to its task",
            '(task["attempts"], task["incarnation"]) != (attempt, by.incarnation):',
            "False:",
            f"{CONTRACT}only_the_attempt_at_work_may_log_to_its_task",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/retrying.py",
        ONCE,
        (
            "an attempt that has not begun cannot end",
            'if (task["attempts"], task["incarnation"]) != (operation.attempt, by.incarnation):',
            "if False:",
            f"{CONTRACT}an_attempt_that_has_not_begun_cannot_end",
        ),
        (
            "an attempt ends once, and is retried once",
            "return  # said again",
            "pass  # said again",
            f"{CONTRACT}an_attempt_that_failed_leaves_its_task_pending_with_the_error",
        ),
        (
            "a wish to retry a run is fulfilled once",
            'if board.tables.count("retries", {"token": operation.token}):',
            "if False:",
            f"{CONTRACT}a_wish_to_retry_is_fulfilled_once_however_often_it_is_repeated",
        ),
        (
            "what the process that executed it before still says of a retried task comes too late",
            "incarnation=None,  # what",
            "# what",
            f"{CONTRACT}a_cancelled_run_can_be_retried_and_what_was_executing_comes_too_late",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/rules.py",
        ENDS,
        (
            "what can never begin is skipped",
            'if known.get(node.name) == "pending" and _verdict(node, known) == "never":',
            "if False:",
            f"{CONTRACT}a_failure_skips_what_needs_success_and_the_run_fails",
        ),
        (
            "a run in which something failed has failed",
            'return "succeeded" if all(state == "succeeded" for state in states.values()) else "failed"',
            'return "succeeded"',
            "tests/unit/test_run_rules.py::test_a_run_ends_when_nothing_is_open_and_succeeds_when_everything_did",
        ),
        (
            "retries are bounded",
            "if failures > node.retries:",
            "if False:",
            f"{CONTRACT}the_last_attempt_that_takes_too_long_is_an_error_and_the_run_goes_on",
        ),
    ),
)
