"""Guards of the ledger: who may speak, and who owns what."""

from __future__ import annotations

from tests.mutants.guard import Guard, guards_in

CONTRACT = "tests/contract/test_stores.py::TestMemory::test_"

FENCING = "law 3: what an older incarnation says is refused"
CLAIMS = "law 4: one run owns an artifact"
WHOLE = "law 5: nobody sees an output before it is in place"

# Each kind of request that a node sends: a fence with one hole is none.
KINDS = (
    *("Hello", "AskDue", "RecordArtifacts", "ForgetArtifacts", "UpdateArtifact", "TagArtifact", "Offer", "StartRun"),
    *("Begin", "Complete", "Published", "EndAttempt", "EndRun", "RetryRun", "LogMetrics", "LogParams", "SetTags"),
    *("TagRun", "Select", "Count"),
)

_FENCES = tuple(
    Guard(
        name=f"the fence stands before {kind}",
        keeps=FENCING,
        file="node_sdk/metadata/ledger.py",
        take="if said < known:",
        put=f"if said < known and operation is not wire.{kind}:",
        caught_by=(f"{CONTRACT}no_word_of_an_older_incarnation_is_taken[{kind}]",),
    )
    for kind in KINDS
)

GUARDS: tuple[Guard, ...] = (
    *_FENCES,
    *guards_in(
        "node_sdk/metadata/ledger.py",
        FENCING,
        (
            "who has said no hello is not heard",
            "if operation is not wire.Hello and said > known:",
            "if False:",
            f"{CONTRACT}an_incarnation_that_said_no_hello_is_refused",
        ),
        (
            "a person cannot speak for a node",
            "if operation not in _BY_HAND:",
            "if False:",
            f"{CONTRACT}an_operator_may_not_speak_for_a_node",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/hello.py",
        FENCING,
        (
            "hello makes the newer incarnation the known one",
            "board.set_node(by.node, incarnation=by.incarnation, offers=False)",
            "board.set_node(by.node, offers=False)",
            f"{CONTRACT}an_older_incarnation_is_fenced_and_told_which_is_current",
        ),
        (
            "what an earlier incarnation offered does not count",
            "incarnation=by.incarnation, offers=False)",
            "incarnation=by.incarnation)",
            f"{CONTRACT}what_an_earlier_incarnation_offered_does_not_count",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/hello.py",
        "poison: crashes are counted, once each, and bounded",
        (
            "a crash is counted once, however many die before they can note that",
            "if operation.interrupted_run is not None and not is_counted:",
            "if operation.interrupted_run is not None:",
            f"{CONTRACT}a_crash_counts_once_also_when_who_reported_it_dies_before_it_can_note_that",
        ),
        (
            "a task that crashes its node again and again is given up",
            "if crashes >= board.graph.max_crashes:",
            "if False:",
            f"{CONTRACT}a_task_that_crashes_its_node_again_and_again_is_an_error",
        ),
        (
            "an attempt whose Begin was lost with its process counts",
            'attempts = attempt or task["attempts"] + 1',
            'attempts = task["attempts"]',
            f"{CONTRACT}an_attempt_whose_begin_was_lost_counts",
        ),
        (
            "a crash after an attempt had ended counts for nothing",
            'elif task["state"] != "executing":\n        return',
            'elif task["state"] != "executing":\n        pass',
            f"{CONTRACT}a_crash_after_an_attempt_had_ended_counts_for_nothing",
        ),
        (
            "a wait for the next attempt is never longer than was said, however the clock was set",
            'wait = min(max(task["retry_at"] - board.now(), 0.0), task["retry_wait"])',
            'wait = max(task["retry_at"] - board.now(), 0.0)',
            f"{CONTRACT}a_node_that_comes_back_waits_for_what_is_left_and_never_longer_than_was_said",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/runs.py",
        CLAIMS,
        (
            "a run claims only what is in place",
            '{"resource": name, "state": "new", "published": True},\n            {"state": "current"',
            '{"resource": name, "state": "new"},\n            {"state": "current"',
            f"{CONTRACT}a_run_by_hand_does_not_claim_what_is_not_in_place",
        ),
        (
            "no run starts with nothing new",
            "or not _anything_new(board, offering):",
            "or False:",
            f"{CONTRACT}an_offer_with_nothing_new_starts_no_run_until_something_is",
        ),
        (
            "no more runs at once than the pipeline allows",
            "    return room and rules",
            "    return rules",
            f"{CONTRACT}a_second_run_waits_for_the_first_and_claims_only_what_came_since",
        ),
        (
            "an offer is used up by the run that it starts",
            "and _waits_for_new(board, name), last_run_id=run.id)",
            ", last_run_id=run.id)",
            f"{CONTRACT}an_offer_is_used_up_by_the_run_that_it_starts",
        ),
        (
            "a run that ends lets go of its artifacts in the same transaction",
            '"state": "current"}, {"state": end, "reason": reason})',
            '"state": "current"}, {})',
            f"{CONTRACT}an_output_belongs_to_its_run_and_is_to_be_published_until_that_is_said",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/runs.py",
        WHOLE,
        (
            "who needs an output is not due before it is in place",
            "rules.is_due(board.node(node), run.states) and not _waits_for_outputs(board, run, node)",
            "rules.is_due(board.node(node), run.states)",
            f"{CONTRACT}nobody_begins_before_what_a_predecessor_made_is_in_place",
        ),
        (
            "who needs an output is not signalled before it is in place",
            "return [name for name in found if not _waits_for_outputs(board, run, name)]",
            "return found",
            f"{CONTRACT}who_waits_for_the_outputs_of_several_is_signalled_when_all_are_in_place",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/claims.py",
        CLAIMS,
        (
            "an offer made in ignorance of a run does not count",
            "if operation.last_run_id < claimed_by and not",
            "if False and not",
            f"{CONTRACT}an_offer_made_in_ignorance_of_a_run_does_not_count_and_its_maker_hears_of_that_run",
        ),
        (
            "a wish for a run by hand is fulfilled once",
            "    if known:\n        run_id: int",
            "    if False:\n        run_id: int",
            f"{CONTRACT}a_wish_by_hand_starts_one_run_however_often_it_is_repeated",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/artifacts.py",
        CLAIMS,
        (
            "the same bytes at the same place are no news",
            'before is None or before["sha256"] != row["sha256"] for',
            "True for",
            f"{CONTRACT}a_location_with_the_same_content_is_no_news",
        ),
        (
            "a version that nobody has claimed gives way to the next",
            'if known["state"] == "new":\n        _remove(board, known)\n    else:',
            "if True:",
            f"{CONTRACT}a_file_that_changes_before_its_claim_is_claimed_once",
        ),
        (
            "what a running run owns is not released",
            'if row["run_id"] in board.runs:\n        raise',
            "if False:\n        raise",
            "tests/unit/test_store_methods.py"
            "::test_a_failed_entry_can_be_released_but_not_one_of_a_run_that_is_running",
        ),
        (
            "what a run has claimed is not forgotten when its file goes",
            'if row["state"] == "new" and row["published"]\n',
            "if True\n",
            f"{CONTRACT}a_file_that_is_gone_after_its_claim_stays_recorded",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/artifacts.py",
        WHOLE,
        (
            "an output that is lost is not the latest version of its location",
            '"staging": None, "latest": False}',
            '"staging": None}',
            f"{CONTRACT}an_output_that_is_lost_leaves_its_place_as_if_it_had_never_been",
        ),
        (
            "the version before a lost output is the latest again",
            '        if row["latest"]:\n            _latest_again(board, row)\n',
            "",
            f"{CONTRACT}an_output_that_is_lost_is_no_version_of_its_location",
        ),
        (
            "an output that is lost takes no number of a version away",
            '"version": -row["id"], ',
            "",
            f"{CONTRACT}an_output_that_is_lost_is_no_version_of_its_location",
        ),
        (
            "a lost output does not become the latest when what came after it goes",
            '            if row["version"] > 0:\n',
            "            if True:\n",
            f"{CONTRACT}an_output_that_is_lost_is_no_version_of_its_location",
        ),
    ),
)
