"""Guards of the loader: one at a time, one process of each node, ends that are kept, and children that are known."""

from __future__ import annotations

from tests.mutants.guard import Guard, guards_in

LOADER = "tests/integration/test_loader.py::test_"
PROCESS = "tests/unit/test_runtime_process.py::test_"
STARTING = "tests/integration/test_forked_child.py::test_"

TWO = "law 7: a node never has two processes"
KEPT = "law 6: how a node ended is kept until it is written down"

GUARDS: tuple[Guard, ...] = (
    *guards_in(
        "node_sdk/runtime/door.py",
        TWO,
        (
            "one loader of a pipeline is at work (flock)",
            "            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
            "",
            f"{LOADER}a_second_loader_of_a_pipeline_is_refused",
        ),
        (
            "a lock whose file its holder has removed is none",
            "                if os.path.samestat(os.fstat(lock), path.stat()):\n                    return lock\n",
            "                return lock\n",
            "tests/unit/test_runtime_door.py::test_a_lock_whose_file_was_removed_meanwhile_is_taken_again",
        ),
        (
            "a node does not hold the lock of its loader",
            "        self.listener.close()\n        os.close(self._lock)\n",
            "        self.listener.close()\n",
            f"{LOADER}a_loader_that_was_killed_leaves_its_place_to_the_next_one_also_while_its_nodes_live",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/children.py",
        TWO,
        (
            "a node whose older process lives is not started",
            "            if each.node == launch.node and _lives(each):",
            "            if False:",
            f"{LOADER}spawning_is_idempotent_and_a_node_never_has_two_processes",
        ),
        (
            "an incarnation is started once",
            "        if key in self._states:\n            return self._states[key]\n",
            "",
            f"{LOADER}spawning_is_idempotent_and_a_node_never_has_two_processes",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/children.py",
        KEPT,
        (
            "an end is told to the next daemon",
            "                    self._states[key] = ended\n",
            "                    del self._states[key]\n",
            f"{LOADER}an_end_is_told_to_the_next_daemon_until_it_is_forgotten",
        ),
        (
            "nobody forgets who lives",
            "        if state is not None and not _lives(state):\n            del",
            "        if state is not None:\n            del",
            f"{LOADER}a_living_node_is_not_forgotten",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/server.py",
        KEPT,
        (
            "a loader whose nodes live does not end",
            "            self._interrupt.stopping = False\n            return False\n",
            "            return self._interrupt.stopping\n",
            f"{LOADER}sigterm_does_not_end_a_loader_whose_nodes_live",
        ),
        (
            "who connects is not the daemon until it says so",
            "        if messages and isinstance(messages[0], Attend):\n",
            "        if messages:\n",
            f"{LOADER}whoever_connects_is_not_the_daemon_until_it_says_so",
        ),
        (
            "strangers are bounded",
            "        if len(self._strangers) >= MOST_STRANGERS:\n",
            "        if False:\n",
            f"{LOADER}strangers_that_stay_without_a_word_do_not_keep_a_daemon_out",
        ),
        (
            "another user cannot speak to a loader",
            "        if not welcome:\n",
            "        if False:\n",
            f"{LOADER}another_user_cannot_speak_to_a_loader",
        ),
        (
            "a daemon that says garbage is hung up on",
            '            sys.stderr.write(f"hanging up on a daemon: {error}\\n")\n'
            "            messages = []\n            self._hang_up()\n",
            '            sys.stderr.write(f"hanging up on a daemon: {error}\\n")\n            messages = []\n',
            f"{LOADER}a_daemon_that_says_garbage_is_hung_up_on_and_the_nodes_live",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/mark.py",
        "whole families: a forked node shows whose it is",
        (
            "the mark of a forked process is written over its room",
            "        ctypes.memmove(address, mark.encode().ljust(room), room)\n",
            "        pass\n",
            f"{PROCESS}the_mark_of_a_forked_process_is_seen_from_outside_and_on_what_it_starts",
        ),
        (
            "what it starts inherits the mark",
            "    os.environ[MARK_VARIABLE] = mark\n",
            "",
            f"{PROCESS}what_a_process_without_room_for_its_mark_starts_shows_it",
        ),
        (
            "a node leads a session of its own",
            "    os.setsid()\n",
            "",
            f"{LOADER}a_child_is_described_so_that_it_can_be_recognised",
        ),
        (
            "a marked child no longer dies with its loader",
            "    _die_with_parent(0)\n",
            "",
            f"{LOADER}a_loader_that_was_killed_leaves_its_place_to_the_next_one_also_while_its_nodes_live",
        ),
        (
            "a child that is not marked yet dies with its loader, where that dies later",
            "    _die_with_parent(signal.SIGKILL)\n",
            "",
            f"{STARTING}a_child_that_is_not_marked_yet_dies_with_its_parent",
        ),
        (
            "a child that is not marked yet ends, where its loader has died before it could ask to die with it",
            "    if os.getppid() != loader:\n        os._exit(1)\n",
            "",
            f"{STARTING}a_child_whose_parent_is_gone_before_it_can_ask_to_die_with_it_ends",
        ),
        (
            "nodes that are forked from one interpreter do not draw the same random numbers",
            "        numpy_random.seed()\n",
            "        pass\n",
            "tests/integration/test_node_process.py"
            "::test_nodes_forked_from_one_interpreter_do_not_draw_the_same_random_numbers",
        ),
    ),
)
