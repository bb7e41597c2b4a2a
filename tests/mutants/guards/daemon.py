"""Guards of the daemon: one for each home, nothing done that is not written down, and nobody let in who may not."""

from __future__ import annotations

from tests.mutants.guard import Guard, guards_in

JOURNAL = "tests/unit/test_journal.py::test_"
SHELL = "tests/unit/test_supervisor_shell.py::test_"
WRITING = "tests/unit/test_supervisor_writing.py::test_"
CANCELLING = "tests/unit/test_supervisor_cancelling.py::test_"
CONTROL = "tests/unit/test_control_server.py::test_"

NUMBERS = "law 3: an incarnation number is given once"
WRITTEN = "what is done is written down before"
TOLD = "cancel: who executes a run that was cancelled stops"
ALONE = "one daemon for each home"
LOGS = "no line of a log is lost, torn, or kept twice"
PAUSE = "pause: who is told that it holds can count on it"
OWNER = "only their owner controls a daemon's pipelines"
BOUNDED = "nothing that a client does holds up the daemon, or makes it grow"

GUARDS: tuple[Guard, ...] = (
    *guards_in(
        "anacostia_daemon/journal/schema.py",
        NUMBERS,
        (
            "a trigger: incarnation numbers never go down",
            "WHEN NEW.highest < OLD.highest",
            "WHEN 0",
            f"{JOURNAL}an_incarnation_number_never_goes_down",
        ),
        (
            "a trigger: incarnation numbers are never forgotten",
            "CREATE TRIGGER numbers_are_never_forgotten BEFORE DELETE ON numbers",
            "CREATE TRIGGER numbers_are_never_forgotten BEFORE DELETE ON numbers WHEN 0",
            f"{JOURNAL}an_incarnation_number_is_never_forgotten",
        ),
    ),
    *guards_in(
        "anacostia_daemon/journal/schema.py",
        WRITTEN,
        (
            "a journal of a newer daemon is left alone",
            "    if version > VERSION and owner == APPLICATION_ID:\n",
            "    if False:\n",
            f"{JOURNAL}a_journal_of_a_newer_daemon_is_refused_and_stays_as_it_is",
        ),
        (
            "a database of something else is left alone",
            "    if not empty and owner != APPLICATION_ID:\n",
            "    if False:\n",
            f"{JOURNAL}a_database_of_something_else_is_refused_and_stays_as_it_is",
        ),
        (
            "a damaged journal is not gone on with",
            '        if faults != "ok":\n',
            "        if False:\n",
            f"{JOURNAL}a_damaged_journal_is_refused_with_the_way_out",
        ),
        (
            "a journal that is locked is not waited for",
            '    connection.execute("PRAGMA busy_timeout = 0")\n',
            "    pass\n",
            f"{WRITING}a_journal_that_another_process_has_locked_is_not_waited_for",
        ),
    ),
    *guards_in(
        "anacostia_daemon/journal/journal.py",
        WRITTEN,
        (
            "a turn that raises leaves nothing behind",
            "            self._pending.clear()\n",
            "            pass\n",
            f"{JOURNAL}a_turn_that_raises_leaves_nothing_behind",
        ),
        (
            "what must outlive a power failure is on the disk when a turn is left",
            "'FULL' if self._promised else 'NORMAL'",
            "'NORMAL'",
            f"{JOURNAL}only_what_must_outlive_a_power_failure_waits_for_the_disk",
        ),
        (
            "nothing is written outside of a turn",
            "        if not self._turning:\n            raise",
            "        if False:\n            raise",
            f"{JOURNAL}writing_outside_of_a_turn_is_refused",
        ),
        (
            "old lines are pruned",
            "            self._prune()\n",
            "",
            f"{JOURNAL}old_entries_are_pruned_per_pipeline",
        ),
    ),
    *guards_in(
        "anacostia_daemon/supervisor/pipeline.py",
        WRITTEN,
        (
            "no process is started before that is written down",
            "            wanted = [each for each in wanted if not isinstance(each[1], actions.Spawn)]\n",
            "",
            "tests/unit/test_supervisor_reconcile.py::test_no_process_is_started_before_that_is_written_down",
        ),
    ),
    *guards_in(
        "anacostia_daemon/supervisor/hearing.py",
        TOLD,
        (
            "a node that is adopted is told which of its runs were cancelled meanwhile",
            "                self._pipeline.cancelling.doubt(name)\n",
            "                pass\n",
            "tests/integration/test_daemon_survival.py"
            "::test_a_run_cancelled_by_a_daemon_that_died_before_it_told_anybody_is_told_by_the_next",
        ),
    ),
    *guards_in(
        "anacostia_daemon/supervisor/cancelling.py",
        TOLD,
        (
            "who could not be told yet that its run was cancelled is told when it is heard",
            "            self._untold.setdefault(name, set()).add(run_id)\n",
            "            pass\n",
            f"{CANCELLING}who_cannot_be_told_yet_is_told_when_it_is_heard",
        ),
        (
            "a store that could not say which runs were cancelled is asked again",
            "                self._unsure.add(name)\n",
            "                pass\n",
            f"{CANCELLING}a_store_that_cannot_be_asked_yet_is_asked_later",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/store_client.py",
        TOLD,
        (
            "a task whose run was ended is called back at its next word to the store",
            "                self._over(run_id)\n",
            "                pass\n",
            "tests/integration/test_node_process.py"
            "::test_a_task_whose_run_was_ended_is_called_back_at_its_next_word_to_the_store",
        ),
    ),
    *guards_in(
        "anacostia_daemon/supervisor/home_lock.py",
        ALONE,
        (
            "one daemon holds a home",
            "            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
            "            pass\n",
            f"{SHELL}a_home_is_held_once_and_a_stale_lock_file_is_taken_over",
        ),
    ),
    *guards_in(
        "anacostia_daemon/journal/journal.py",
        WRITTEN,
        (
            "a journal that was removed is not written to",
            "        if misplaced:\n",
            "        if False:\n",
            "tests/integration/test_home_that_is_gone.py::test_it_goes_on_once_the_home_is_back",
        ),
    ),
    *guards_in(
        "anacostia_daemon/supervisor/pipeline.py",
        WRITTEN,
        (
            "a start that waits for the journal is given up by a stop",
            "        elif self._forgo(name, incarnation) or any(",
            "        elif any(",
            "tests/unit/test_supervisor_reconcile.py::test_a_start_that_waits_for_the_journal_is_given_up_by_a_stop",
        ),
    ),
    *guards_in(
        "node_sdk/rotation.py",
        LOGS,
        (
            "of two processes with one log, one rotates it",
            "            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
            "            pass\n",
            "tests/unit/test_rotation.py::test_who_finds_another_at_it_looks_again_later",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/resource.py",
        PAUSE,
        (
            "a pause is said to hold only once the store has heard that nothing is offered",
            "        if not paused or not (offers or self._store.waits):\n",
            "        if True:\n",
            "tests/integration/test_pause.py::test_pause_is_answered_once_it_holds",
        ),
    ),
    *guards_in(
        "anacostia_daemon/control/server.py",
        OWNER,
        (
            "peer credentials: another user is turned away",
            "        if not (allowed(uid) or (self._group is not None and self._group in peer_groups(sock))):\n",
            "        if False:\n",
            f"{CONTROL}another_user_is_turned_away_and_told_why",
        ),
        (
            "peer credentials: only members of the group that is named are let in",
            "(self._group is not None and self._group in peer_groups(sock))",
            "self._group is not None",
            "tests/unit/test_control_door.py::test_a_member_of_the_group_is_answered_and_another_user_is_not",
        ),
        (
            "the socket is for its owner from its first instant on",
            "        mask = os.umask(0o177)",
            "        mask = os.umask(0)",
            f"{CONTROL}the_socket_is_for_its_owner_alone",
        ),
        (
            "a socket that somebody answers at is left alone",
            "            probe.connect(os.fspath(path))\n        except",
            "            raise ConnectionRefusedError\n        except",
            f"{CONTROL}a_socket_that_somebody_answers_at_is_left_alone",
        ),
        (
            "a daemon takes away only its own socket",
            "        if _identity(self._path) == self._identity:\n",
            "        if True:\n",
            f"{CONTROL}closing_takes_away_only_its_own_file",
        ),
    ),
    *guards_in(
        "anacostia_daemon/control/server.py",
        BOUNDED,
        (
            "clients are bounded",
            "        elif len(self._connections) >= MAX_CONNECTIONS and not self._make_room():\n",
            "        elif False:\n",
            f"{CONTROL}no_more_clients_than_there_is_room_for",
        ),
    ),
    *guards_in(
        "anacostia_daemon/control/connection.py",
        BOUNDED,
        (
            "requests sent ahead are bounded",
            "            if len(self._waiting) > MAX_WAITING:\n",
            "            if False:\n",
            f"{CONTROL}a_client_that_sends_too_far_ahead_is_dropped",
        ),
        (
            "what a client does not read is bounded",
            "        if len(self._unsent) > MAX_UNSENT:\n",
            "        if False:\n",
            f"{CONTROL}a_client_that_never_reads_is_dropped_once_too_much_waits_for_it",
        ),
        (
            "a client that reads nothing is dropped after a while",
            "self._loop.call_at(self._loop.now() + PATIENCE, self.close) if needed else None",
            "None",
            f"{CONTROL}a_client_that_reads_nothing_for_too_long_is_dropped",
        ),
        (
            "garbage costs its sender the connection",
            '            self.send(ControlError("invalid", str(error)))\n            self.close()\n',
            '            self.send(ControlError("invalid", str(error)))\n',
            f"{CONTROL}garbage_costs_its_sender_the_connection_and_nobody_else",
        ),
        (
            "a command that raises is answered",
            '            conversation.error("failed", f"cannot do {request.command!r}:'
            ' {type(error).__name__}: {error}")\n',
            "            pass\n",
            f"{CONTROL}a_command_that_raises_is_answered_and_the_server_goes_on",
        ),
    ),
)
