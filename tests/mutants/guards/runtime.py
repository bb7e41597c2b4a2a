"""Guards inside a node's process: what leaves when, what is executed twice and what is not, and how it ends."""

from __future__ import annotations

from tests.mutants.guard import Guard, guards_in

NODE = "tests/integration/test_node_process.py::test_"
FENCING = "tests/integration/test_fencing.py::test_"
TASKS = "tests/unit/test_runtime_tasks.py::test_"
CLIENT = "tests/unit/test_runtime_store_client.py::test_"
CHANNEL = "tests/unit/test_runtime_channel.py::test_"
PROCESS = "tests/unit/test_runtime_process.py::test_"
RECALL = "tests/unit/test_runtime_recall.py::test_"
FLIGHT = "tests/unit/test_runtime_flight.py::test_"
OUTBOX = "tests/unit/test_runtime_outbox.py::test_"
TROUBLE = "tests/integration/test_store_under_trouble.py::test_"

TRUTH = "law 1: the store is the truth, a signal is a wake-up"
START = "law 2: recovery is the start path"
FENCE = "law 3: an older incarnation ends"
WHOLE = "law 5: outputs appear whole or not at all"
HUNG = "a hung node is found, a busy one is left alone"
BOUNDED = "nothing grows without bound, nothing is dropped"

_COMPLETE = """\
        try:
            successors = self._store.ask(complete, settled=True)
"""

GUARDS: tuple[Guard, ...] = (
    *guards_in(
        "node_sdk/runtime/action.py",
        TRUTH,
        (
            "signals leave after the completion is committed",
            _COMPLETE,
            "        for each in live.successors:\n            live.outbox.signal(each, task.run_id)\n" + _COMPLETE,
            f"{TROUBLE}a_task_that_ends_while_the_database_is_locked_is_not_over_and_nobody_goes_on",
        ),
        (
            "a task that is doubtful is confirmed with the store",
            "confirmed = self._confirm(wanted) if wanted.doubtful else wanted",
            "confirmed = wanted",
            f"{NODE}a_signal_that_comes_again_after_a_restart_executes_nothing",
        ),
        (
            "a later attempt is begun by the store before it executes",
            "            self._store.ask(begin, settled=True)\n",
            "            self._store.tell(begin)\n",
            f"{NODE}an_attempt_whose_run_was_ended_while_it_waited_does_not_execute",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/action.py",
        WHOLE,
        (
            "outputs are published after the completion is committed",
            _COMPLETE,
            "        publish(live, outputs)\n" + _COMPLETE,
            f"{FENCING}nothing_that_a_replaced_process_says_is_taken_and_it_ends[output]",
        ),
        (
            "half-done work is nobody's input",
            'outputs = () if state == "error" else tuple(task.outputs)',
            "outputs = tuple(task.outputs)",
            f"{NODE}what_an_attempt_that_raised_had_made_is_not_published",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/tasks.py",
        TRUTH,
        (
            "a signal said twice is obeyed once: removal of duplicates by (run, node)",
            "if run_id in self._known:",
            "if False:",
            f"{TASKS}a_signal_for_a_run_that_was_executed_is_confirmed_with_the_store_for_a_person_may_have_it_retried",
        ),
        (
            "a signal for an old run is doubtful",
            "doubtful=run_id <= self._last_run_id",
            "doubtful=False",
            f"{TASKS}a_signal_for_an_old_run_is_doubtful_and_one_for_a_new_run_is_not",
        ),
        (
            "of a cancelled run nothing is begun without asking",
            "        if run_id in self._waiting:\n            self._doubt(run_id)",
            "        pass",
            f"{TASKS}of_a_cancelled_run_nothing_is_begun_without_asking",
        ),
        (
            "runs that were forgotten are doubtful",
            "self._last_run_id = max(self._last_run_id, oldest[-1])",
            "pass",
            f"{TASKS}of_very_many_runs_the_oldest_are_forgotten_and_doubtful_from_then_on",
        ),
        (
            "only the signal that the store has spoken of ahead of it is dropped",
            "if self._foretold.get(run_id) == by:",
            "if run_id in self._foretold:",
            f"{TASKS}a_signal_of_another_attempt_than_the_store_spoke_of_is_confirmed",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/process.py",
        START,
        (
            "a node that comes back says which task was interrupted",
            "    if interrupted is None:",
            "    if True:",
            f"{NODE}a_task_that_crashes_its_node_again_and_again_ends_as_an_error_and_the_next_run_goes_on",
        ),
        (
            "signals that may be lost are repeated at the start",
            "            live.outbox.signal(successor, each.run_id)",
            "            pass",
            f"{NODE}a_node_that_died_before_its_signals_left_sends_them_when_it_is_back",
        ),
        (
            "what was about to be published is published at the start",
            "    publish_again(live, store, welcome)\n",
            "",
            f"{NODE}publishing_that_is_cut_short_is_finished_by_the_next_incarnation",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/publishing.py",
        WHOLE,
        (
            "publish redo: what was recorded and not published is asked for and moved",
            "if welcome.unpublished:",
            "    if True:",
            f"{NODE}publishing_that_is_cut_short_is_finished_by_the_next_incarnation",
        ),
        (
            "who waited for an output is signalled when it is published again",
            "                live.outbox.signal(successor, run_id)",
            "                pass",
            f"{NODE}publishing_that_is_cut_short_is_finished_by_the_next_incarnation",
        ),
        (
            "what may pass is left to the next incarnation, and not called lost",
            "if error.errno in _PASSING:\n                raise",
            "if False:\n                raise",
            "tests/unit/test_runtime_publishing.py::test_what_may_pass_is_left_to_the_next_incarnation",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/flight.py",
        START,
        (
            "a torn record says nothing",
            "or checksum != zlib.crc32(content[: _RECORD.size])",
            "",
            f"{FLIGHT}every_torn_record_is_noticed",
        ),
        (
            "the blocks of the flight recorder are written before it is mapped",
            'os.pwrite(descriptor, b"\\0" * missing, _SIZE - missing)',
            "pass",
            f"{FLIGHT}a_recorder_that_was_cut_short_is_made_whole",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/live.py",
        FENCE,
        (
            "a process that is refused as an older incarnation ends at once",
            "        os._exit(FENCED)",
            "        raise error",
            f"{NODE}a_node_whose_place_is_taken_ends_at_once_and_says_so",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/store_client.py",
        FENCE,
        (
            "being fenced is noticed at the answer of a tell too",
            "        if isinstance(error, Fenced):\n            self._fenced(error)\n",
            "",
            f"{CLIENT}being_fenced_is_noticed_at_the_answer_of_a_tell_too",
        ),
        (
            "what is held is sent before what comes next",
            "        if self._held is not None:\n            self._send_held()\n",
            "",
            f"{CLIENT}what_is_held_is_sent_before_whatever_comes_next",
        ),
        (
            "a process forked inside a node cannot speak for it",
            "if os.getpid() != self._pid:",
            "if False:",
            f"{CLIENT}a_process_forked_inside_a_node_cannot_speak_for_it",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/store_client.py",
        BOUNDED,
        (
            "a tell waits while very many are outstanding",
            "self.channel.outstanding >= MOST_OUTSTANDING or ",
            "",
            f"{CLIENT}with_very_much_outstanding_a_tell_waits",
        ),
        (
            "a tell waits while what is outstanding is large",
            " or self.channel.outstanding_bytes >= MOST_BYTES",
            "",
            f"{CLIENT}with_very_large_requests_outstanding_a_tell_waits",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/outbox.py",
        BOUNDED,
        (
            "a signal that is on its way is not sent a second time",
            "        if again:\n            return\n",
            "",
            f"{OUTBOX}what_waits_for_one_who_is_away_is_bounded_by_the_runs",
        ),
        (
            "a signal wanted while one is under way is sent once that was taken",
            "                    self.signal(successor, run_id)",
            "                    pass",
            f"{OUTBOX}a_signal_wanted_while_one_is_under_way_is_sent_once_that_was_taken",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/channel.py",
        "law 1: what is lost on the way is said again, in order",
        (
            "what is outstanding goes out again on a new connection",
            "        for data in self._outstanding.values():\n            if not self._push(self._socket, data):\n"
            "                break\n",
            "",
            f"{CHANNEL}what_is_outstanding_is_sent_again_in_order_when_the_receiver_comes_back",
        ),
        (
            "ZeroMQ does not reconnect by itself, which would let later messages overtake lost ones",
            "    socket.setsockopt(zmq.RECONNECT_IVL, -1)\n",
            "",
            f"{CHANNEL}nothing_overtakes_what_was_lost_with_a_connection",
        ),
        (
            "a receiver that does not answer hears it again",
            "and not messages and now >= self._patient_until:",
            "and False:",
            f"{CHANNEL}a_receiver_that_does_not_answer_hears_it_again_after_patience_and_then_ever_more_rarely",
        ),
        (
            "an answered message is not repeated",
            'self.outstanding_bytes -= len(self._outstanding.pop(seq, b""))',
            'self.outstanding_bytes -= len(self._outstanding.get(seq, b""))',
            f"{CHANNEL}an_answered_message_is_not_repeated",
        ),
        (
            "a monitor hears nothing more before it is closed",
            "            self._socket.disable_monitor()\n",
            "            pass\n",
            f"{CHANNEL}a_channel_that_is_closed_while_it_connects_leaves_all_others_of_its_process_working",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/link.py",
        HUNG,
        (
            "a node that is stuck falls silent",
            "if not self._stuck(now) and self._live_on():",
            "if self._live_on():",
            f"{PROCESS}a_node_that_is_stuck_falls_silent_and_one_that_works_long_does_not",
        ),
        (
            "a daemon that comes is told in full, more than once",
            "due, self._beats = time.monotonic(), 0\n",
            "due = time.monotonic()\n",
            "tests/unit/test_pulse.py::test_a_daemon_that_comes_is_told_in_full_and_more_than_once",
        ),
        (
            "a node that works long is not called stuck",
            "before, self._busy_since = self._busy_since, None",
            "before = self._busy_since",
            f"{PROCESS}a_node_that_is_stuck_falls_silent_and_one_that_works_long_does_not",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/watch.py",
        "timeout and cancel: nothing is recorded of a task that was given up",
        (
            "a task that takes too long is called back",
            'self._call(TaskTimeout(f"did not end within its timeout of {self._timeout:g} s"))',
            "pass",
            f"{RECALL}a_task_that_takes_too_long_is_called_back_and_its_process_ended_where_it_does_not_come",
        ),
        (
            "a process whose task does not come back is ended",
            "                self._end(self.called)",
            "                pass",
            f"{RECALL}a_task_that_takes_too_long_is_called_back_and_its_process_ended_where_it_does_not_come",
        ),
        (
            "a run cancelled since its task was taken up is called back",
            "if run_id in self._cancelled:  # heard",
            "if False:  # heard",
            f"{RECALL}a_run_cancelled_since_its_task_was_taken_up_is_called_back_at_once",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/recall.py",
        "user code is called back, our own bookkeeping never",
        (
            "our own code is not left in the middle",
            "        if not self._shields:\n            self.check()\n",
            "        self.check()\n",
            f"{RECALL}our_own_code_inside_user_code_is_left_at_its_end",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/interrupt.py",
        "a task that has begun may end",
        (
            "SIGTERM waits for the task in progress",
            "if self.stopping and not self._held:",
            "if self.stopping:",
            f"{CLIENT}inside_a_task_a_wait_goes_on_though_the_process_is_asked_to_stop",
        ),
    ),
)
