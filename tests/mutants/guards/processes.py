"""Guards of the daemon's knowledge of processes: nobody is taken for somebody else, and a family is found whole."""

from __future__ import annotations

from tests.mutants.guard import Guard, guards_in

IDENTITY = "tests/unit/test_process_identity.py::test_"
FAMILY = "tests/unit/test_process_family.py::test_"
SHELL = "tests/unit/test_supervisor_shell.py::test_"
RECORD = "tests/unit/test_supervisor_record.py::test_"

WHO = "a pid that has passed to somebody else is not taken for a node"
ALL = "law 7: grandchildren go with their node"

GUARDS: tuple[Guard, ...] = (
    *guards_in(
        "anacostia_daemon/process/identity.py",
        WHO,
        (
            "a process is its pid and its start time",
            "    return now is not None and abs(now - started) < TOLERANCE\n",
            "    return now is not None\n",
            f"{IDENTITY}a_process_with_another_start_time_is_a_namesake_and_not_alive",
        ),
        (
            "start times are compared to the tick",
            "TOLERANCE = 0.005 if LINUX else 2.0",
            "TOLERANCE = 2.0",
            f"{IDENTITY}a_process_that_began_a_tick_before_is_another_one",
        ),
        (
            "a zombie is not alive",
            "    return None if found is None or found.zombie else found.started\n",
            "    return None if found is None else found.started\n",
            f"{IDENTITY}a_zombie_is_not_alive",
        ),
    ),
    *guards_in(
        "anacostia_daemon/process/handle.py",
        WHO,
        (
            "who began at another time is not held",
            " or (started is not None and abs(now - started) >= TOLERANCE):",
            ":",
            f"{IDENTITY}a_process_that_began_a_tick_before_is_another_one",
        ),
    ),
    *guards_in(
        "anacostia_daemon/supervisor/record.py",
        WHO,
        (
            "boot id: processes of another boot are gone",
            "    if row.boot_id != boot_id():\n",
            "    if False:\n",
            f"{RECORD}a_node_of_another_boot_is_gone_without_looking_and_not_to_blame",
        ),
        (
            "a node that is added again goes on from its last number",
            "replace(new_node(spec, last), desired=whole",
            "replace(new_node(spec), desired=whole",
            f"{RECORD}a_node_that_is_added_again_goes_on_from_its_last_number",
        ),
        (
            "an orphan that was not found yet is one for the next daemon too",
            '"starting" if state.orphan and state.phase == "down" else state.phase',
            "state.phase",
            f"{RECORD}an_orphan_that_was_not_found_yet_is_one_for_the_next_daemon_too",
        ),
    ),
    *guards_in(
        "anacostia_daemon/process/family.py",
        ALL,
        (
            "the mark",
            "members = {pid for pid, each in living.items() if each.started >= none_before and mark_of(pid) == mark}",
            "members: set[int] = set()",
            f"{FAMILY}after_its_leader_died_those_that_carry_the_mark_or_share_its_session_are_found",
        ),
        (
            "the session and the group",
            "    if head is not None:\n        members |= _led_by(head, members, living)\n",
            "",
            f"{FAMILY}after_its_leader_died_those_that_carry_the_mark_or_share_its_session_are_found",
        ),
        (
            "the tree",
            "    _add_descendants(members, living)\n",
            "",
            f"{FAMILY}while_its_leader_lives_every_descendant_belongs_to_the_family",
        ),
        (
            "a stranger that got the leader's pid is not touched",
            "    if _is_namesake(facts(head.pid), head.started):\n        return set()\n",
            "",
            f"{FAMILY}a_stranger_that_got_the_leaders_pid_is_not_touched",
        ),
        (
            "the session of a head that died unseen needs a marked member to vouch for it",
            "    return led if not head.unseen or led & marked else set()\n",
            "    return led\n",
            f"{FAMILY}a_session_of_a_head_that_died_unseen_belongs_to_it_as_long_as_a_marked_member_vouches_for_it",
        ),
        (
            "another incarnation is another family",
            "mark_of(pid) == mark}",
            "(found := mark_of(pid)) is not None and found.node == mark.node}",
            f"{FAMILY}another_incarnation_is_another_family",
        ),
    ),
    *guards_in(
        "anacostia_daemon/supervisor/clearing.py",
        ALL,
        (
            "a family is gone when a look finds nobody",
            "            if not living:\n",
            "            if True:\n",
            f"{SHELL}a_family_is_cleared_round_by_round_and_then_said_to_be_gone",
        ),
        (
            "the deaths of a round are waited for",
            "            if self._dying:\n                return\n        self._next",
            "            if self._dying:\n                return self._done()\n        self._next",
            f"{SHELL}a_family_is_not_gone_while_somebody_of_it_is_still_dying",
        ),
    ),
    *guards_in(
        "anacostia_daemon/supervisor/reconcile.py",
        WHO,
        (
            "an orphan is adopted only if its start time agrees",
            "        if is_alive(pid, started):\n            return True\n",
            "        return True\n",
            "tests/unit/test_supervisor_reconcile.py"
            "::test_an_orphan_whose_pid_has_passed_to_somebody_else_is_not_adopted",
        ),
        (
            "what nobody knows is killed",
            "            clear_mark(self._pipeline.around.loop, mark, "
            "lambda mark=mark: self._cleared(mark))  # type: ignore[misc]\n",
            "            self._cleared(mark)\n",
            "tests/unit/test_supervisor_reconcile.py::test_what_is_left_of_an_incarnation_that_nobody_knows_is_killed",
        ),
    ),
)
