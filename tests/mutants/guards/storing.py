"""Guards of the store's process and its database: nothing is answered that is not committed, nothing is committed that
is not on the disk, and nobody else's history is gone on with.
"""

from __future__ import annotations

from tests.mutants.guard import Guard, guards_in

SQLITE = "tests/contract/test_sqlite_store.py::test_"
CONTRACT = "tests/contract/test_stores.py::TestSqlite::test_"
ENDURING = "tests/unit/test_runtime_enduring.py::test_"
TROUBLE = "tests/integration/test_store_under_trouble.py::test_"
POWER = "tests/chaos/test_power.py::test_"

COMMITTED = "law 1: what is answered is committed"
DURABLE = "what is acknowledged survives a power cut"
OWN = "a store goes on with its own history only"

GUARDS: tuple[Guard, ...] = (
    *guards_in(
        "node_sdk/metadata/ledger.py",
        COMMITTED,
        (
            "what somebody counts on after a power failure is written so that it lasts",
            "        lasting = not all(map(self._is_brief, requests))\n",
            "        lasting = False\n",
            "tests/unit/test_lasting.py::test_what_is_promised_lasts",
        ),
        (
            "what follows from a request that need not last is promised all the same",
            "            if board.promised and not lasting:\n",
            "            if False:\n",
            "tests/unit/test_lasting.py::test_a_run_that_ends_because_its_node_said_hello_has_ended_for_good",
        ),
        (
            "all requests of one batch are one transaction",
            "            with self._transaction(requests, lasting):\n                if self._prepared",
            "            if True:\n                if self._prepared",
            "tests/property/test_runs_of_random_graphs.py::test_a_failure_at_any_write_leaves_nothing_half_done",
        ),
        (
            "what could not be committed is answered to nobody",
            "        except StoreUnavailable:\n            raise\n",
            "",
            f"{ENDURING}what_became_durable_before_the_trouble_is_signalled_after_it",
        ),
        (
            "after a failed commit the tables are read again",
            "self._loaded = False  # the board says what was not committed",
            "pass",
            "tests/property/test_runs_of_random_graphs.py::test_a_failure_at_any_write_leaves_nothing_half_done",
        ),
        (
            "one bad request does not cost the others their answers",
            "if len(requests) == 1:",
            "if True:",
            f"{CONTRACT}one_bad_request_does_not_cost_the_others_their_answers",
        ),
        (
            "signals of what became durable in an answer that was cut short are kept",
            "self._owed += [signal for signal in answered.signals if signal not in self._owed]",
            "pass",
            f"{ENDURING}what_became_durable_before_the_trouble_is_signalled_after_it",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/database.py",
        COMMITTED,
        (
            "a transaction is committed when it is left",
            "            self._connection.commit()\n",
            "            pass\n",
            f"{CONTRACT}what_was_committed_is_there_after_opening_again",
        ),
        (
            "a transaction that fails is taken back",
            "            else:\n                self._roll_back()\n",
            "",
            f"{CONTRACT}nothing_of_a_transaction_is_left_after_an_exception",
        ),
        (
            "a file that was removed in use gets no answer",
            "from error\n        if self._still_there:\n            self._still_there()\n",
            "from error\n",
            f"{SQLITE}a_file_that_is_removed_or_replaced_in_use_gets_no_answer_and_no_successor_until_it_is_back",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/sqlite.py",
        DURABLE,
        (
            "commits reach the disk unless the user says otherwise",
            'synchronous: Literal["FULL", "NORMAL"] = "FULL",',
            'synchronous: Literal["FULL", "NORMAL"] = "NORMAL",',
            f"{SQLITE}commits_reach_the_disk_unless_the_user_says_otherwise",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/connect.py",
        DURABLE,
        (
            "the database is told how durable commits are",
            "        connection.execute(lasting)\n",
            "        connection.execute(brief)\n",
            f"{SQLITE}commits_reach_the_disk_unless_the_user_says_otherwise",
        ),
        (
            "a store that opens its log brings it to the disk first (a commit whose fsync failed)",
            'connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()',
            "pass",
            f"{POWER}what_the_disk_of_the_store_refuses_is_acknowledged_to_nobody",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/filelock.py",
        "a database has one writer",
        (
            "one process at a time has the file of a store",
            "fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)",
            "pass",
            f"{SQLITE}a_second_process_is_refused_and_told_who_has_the_file",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/ledger.py",
        OWN,
        (
            "a database belongs to one pipeline",
            'elif known[0]["pipeline"] != graph.name:',
            "elif False:",
            f"{SQLITE}a_database_of_one_pipeline_refuses_another_and_answers_reads",
        ),
        (
            "another database in the place of the first is known by its identity",
            'if [row["store_id"] for row in self._tables.select("identity", {})] != [self._board.store_id]:',
            "if False:",
            f"{SQLITE}another_database_in_the_place_of_the_first_is_not_taken_for_it",
        ),
        (
            "an older copy of the database is known by its incarnations",
            'and rows[each["name"]]["incarnation"] >= each["incarnation"]',
            "",
            f"{SQLITE}an_older_copy_in_the_place_of_the_database_is_not_taken_for_it",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/versions.py",
        OWN,
        (
            "a schema that is newer than the code is refused",
            "if revision is not None and revision not in known:",
            "if False:",
            f"{SQLITE}a_store_that_cannot_be_opened_says_why",
        ),
        (
            "tables of something else are left alone",
            "            if taken:\n",
            "            if False:\n",
            f"{SQLITE}a_store_that_cannot_be_opened_says_why",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/sqlite.py",
        OWN,
        (
            "a file that vanished in use is not made anew",
            "if self._file is not None and not path.exists():",
            "if False:",
            f"{SQLITE}a_file_that_is_removed_or_replaced_in_use_gets_no_answer_and_no_successor_until_it_is_back",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/process.py",
        OWN,
        (
            "a database that is missing at a start is not made anew where it had runs",
            "if had_runs and not live.node.is_there():",
            "if False:",
            f"{TROUBLE}a_database_that_is_missing_when_the_store_is_restarted_is_not_replaced_by_an_empty_one[removed]",
        ),
        (
            "a database that is empty at a start is not begun with where it had runs",
            "if had_runs and ledger.is_new():",
            "if False:",
            f"{TROUBLE}a_database_that_is_missing_when_the_store_is_restarted_is_not_replaced_by_an_empty_one[emptied]",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/store.py",
        OWN,
        (
            "a store does not go on with another database in the place of its own",
            "if not self._ledger.is_at_home():",
            "if False:",
            f"{ENDURING}a_store_does_not_go_on_with_another_database_in_the_place_of_its_own",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/store.py",
        "law 1: no signal is lost for good",
        (
            "a store that was in trouble repeats its signals",
            "if enduring.troubles > troubles:",
            "if False:",
            f"{ENDURING}signals_of_a_commit_that_was_called_failed_and_is_durable_leave_after_the_trouble",
        ),
        (
            "a store repeats what may be lost when it is asked to",
            "                self._live.outbox.signal(successor, each.run_id)",
            "                pass",
            f"{ENDURING}signals_of_a_commit_that_was_called_failed_and_is_durable_leave_after_the_trouble",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/enduring.py",
        "a store in trouble waits, says why, and goes on",
        (
            "what the disk refused is tried again",
            "            except StoreUnavailable as error:\n                if threading",
            "            except ZeroDivisionError as error:\n                if threading",
            f"{ENDURING}it_is_tried_until_it_is_done_and_status_says_why_not_yet",
        ),
        (
            "what waiting cannot mend ends the process with words",
            'raise Ending("error", str(error)) from error',
            "continue",
            f"{ENDURING}what_waiting_cannot_mend_ends_the_process_with_words",
        ),
        (
            "the database is opened anew where trying again was not enough",
            "if failures > 1:  # not",
            "if False:  # not",
            f"{ENDURING}it_is_tried_until_it_is_done_and_status_says_why_not_yet",
        ),
    ),
)
