"""Guards of the supervision core: who is started when, and when no more."""

from __future__ import annotations

from tests.mutants.guard import Guard, guards_in

STEP = "tests/unit/test_core_step.py::test_"
BACKOFF = "tests/unit/test_core_backoff.py::test_"
PLAN = "tests/unit/test_core_plan.py::test_"
TABLE = "tests/unit/test_core_table.py::test_"

REAPED = "law 7: nobody is dead until reaped"
HUNG = "a hung node is killed and replaced"
LOOPS = "a node that crashes for ever does not loop for ever"
BLAME = "poison: only a node's own fault counts against its task"
WANTED = "law 11: what is wanted is done, and nothing else"

GUARDS: tuple[Guard, ...] = (
    *guards_in(
        "anacostia_daemon/core/transitions.py",
        REAPED,
        (
            "reap before spawn: the family of a node that lives is not gone",
            "    if turn.state.reaped:  # else",
            "    if True:  # else",
            f"{STEP}a_node_is_not_started_again_before_it_is_reaped",
        ),
        (
            "a number is given once",
            "    number = max(turn.state.incarnation, turn.state.highest) + 1\n",
            "    number = turn.state.incarnation + 1\n",
            f"{STEP}a_fenced_node_is_followed_by_a_number_that_the_store_has_not_seen",
        ),
        (
            "a stop that came before the pid is known reaches the process",
            "        turn.do(Terminate(event.incarnation))\n",
            "        pass\n",
            f"{STEP}a_stop_during_the_start_reaches_the_process_once_its_pid_is_known",
        ),
        (
            "a kill that came before the pid is known reaches the process",
            "        turn.do(Kill(event.incarnation))\n",
            "        pass\n",
            f"{STEP}a_kill_reaches_the_process_once_its_pid_is_known",
        ),
    ),
    *guards_in(
        "anacostia_daemon/core/ends.py",
        REAPED,
        (
            "family gone before spawn: the family of a dead node is cleared",
            "    turn.do(ClearFamily(state.incarnation))\n",
            "    pass\n",
            f"{STEP}the_first_crash_is_followed_by_a_start_at_once_but_only_when_the_family_is_gone",
        ),
        (
            "SIGKILL and clearing are said again while they have no effect",
            "    turn.do(ClearFamily(number) if turn.state.reaped else Kill(number))\n",
            "    pass\n",
            f"{STEP}sigkill_and_clearing_are_said_again_while_they_have_no_effect",
        ),
        (
            "an end is counted once",
            '    if state.reaped and state.phase == "killing":\n        return\n',
            "",
            f"{STEP}the_news_of_an_end_that_comes_twice_changes_nothing",
        ),
    ),
    *guards_in(
        "anacostia_daemon/core/node.py",
        REAPED,
        (
            "what is said of an older incarnation changes nothing",
            "    return event.incarnation != state.incarnation\n",
            "    return False\n",
            f"{TABLE}what_is_said_of_an_older_incarnation_changes_nothing",
        ),
        (
            "a deadline that was moved does not come",
            "        return state.deadline is not None and now < state.deadline\n",
            "        return False\n",
            f"{STEP}a_deadline_that_was_moved_does_not_come",
        ),
        (
            "what the table forbids does not happen",
            "    if after.phase != before.phase and after.phase not in verdict.to:\n",
            "    if False:\n",
            f"{TABLE}a_way_that_is_not_in_the_table_is_not_taken",
        ),
    ),
    *guards_in(
        "anacostia_daemon/core/state.py",
        REAPED,
        (
            "an orphan's fate is known before anything is started",
            "not (self.leaving or self.done or self.orphan)",
            "not (self.leaving or self.done)",
            f"{STEP}an_orphan_is_not_started_before_it_is_known_whether_it_lives",
        ),
    ),
    *guards_in(
        "anacostia_daemon/core/plan.py",
        WANTED,
        (
            "nodes stop after their successors",
            "        and not any(_still_going(states[each]) for each in graph.successors[spec.name])\n",
            "",
            f"{PLAN}nodes_stop_when_their_successors_are_down",
        ),
        (
            "nodes start after their predecessors are ready",
            "            obstacle = obstacle or _obstacle(graph, states, spec)\n",
            "",
            f"{PLAN}nodes_start_when_their_predecessors_are_ready_and_say_meanwhile_what_they_wait_for",
        ),
    ),
    *guards_in(
        "anacostia_daemon/core/transitions.py",
        WANTED,
        (
            "a node that is not wanted does not start though it may",
            "    if turn.state.wants_start:\n",
            "    if True:\n",
            f"{STEP}a_node_that_is_not_wanted_does_not_start_though_it_may",
        ),
        (
            "a stop during backoff lets no new process appear",
            '        turn.set(renew=False)\n        if phase in ("backoff", "failed"):',
            '        turn.set(renew=False)\n        if phase == "failed":',
            f"{STEP}a_stop_during_backoff_lets_no_new_process_appear",
        ),
    ),
    *guards_in(
        "anacostia_daemon/core/ends.py",
        WANTED,
        (
            "a stop while a crashed node is cleared lets no new process appear",
            "    if state.must_go or state.excused:\n",
            "    if state.excused:\n",
            f"{STEP}a_stop_while_a_crashed_node_is_cleared_lets_no_new_process_appear",
        ),
    ),
    *guards_in(
        "anacostia_daemon/core/transitions.py",
        HUNG,
        (
            "heartbeat: a node that falls silent is killed",
            "        ends.kill(turn, _overdue(turn))\n",
            "        pass\n",
            f"{STEP}a_hung_node_is_killed_reaped_and_counted_as_a_crash",
        ),
        (
            "a beat moves the deadline",
            '    if phase == "ready":\n        turn.set(deadline=at + timeout)\n',
            '    if phase == "ready":\n        pass\n',
            f"{STEP}a_beat_moves_the_deadline_of_a_ready_node",
        ),
        (
            "what counts of a heartbeat in a file is when it was written",
            "    at = turn.now if event.at is None else",
            "    at = turn.now if True else",
            "tests/unit/test_pulse.py::test_what_counts_is_when_it_was_written_and_not_when_it_was_read",
        ),
        (
            "beats that are not ready do not move the start timeout",
            "        turn.set(deadline=min(turn.state.start_by, at + timeout))\n",
            "        turn.set(deadline=at + timeout)\n",
            f"{STEP}beats_that_are_not_ready_do_not_move_the_start_timeout",
        ),
    ),
    *guards_in(
        "anacostia_daemon/core/ends.py",
        HUNG,
        (
            "a kill goes to the process",
            "    turn.do(Kill(state.incarnation))\n",
            "    pass\n",
            f"{STEP}a_hung_node_is_killed_reaped_and_counted_as_a_crash",
        ),
        (
            "the silence of a hung node is no health",
            "        budget=_earned(state, state.beat_at),\n",
            "        budget=_earned(state, turn.now),\n",
            f"{STEP}the_silence_of_a_hung_node_does_not_count_as_health",
        ),
    ),
    *guards_in(
        "anacostia_daemon/core/backoff.py",
        LOOPS,
        (
            "restarts are bounded within the window",
            "    if policy.max_restarts is not None and len(recent) >= policy.max_restarts:\n",
            "    if False:\n",
            f"{BACKOFF}a_spent_budget_gives_no_restart",
        ),
        (
            "the window moves on",
            "if now - each < policy.window)",
            "if True)",
            f"{BACKOFF}restarts_beyond_the_window_do_not_count",
        ),
        (
            "backoff grows",
            "policy.backoff_initial * policy.backoff_factor ** min(streak - 1, 150)",
            "policy.backoff_initial",
            f"{BACKOFF}the_wait_grows_by_its_factor_up_to_its_cap",
        ),
        (
            "backoff is capped",
            "    return min(grown, policy.backoff_max) * (",
            "    return grown * (",
            f"{BACKOFF}the_wait_grows_by_its_factor_up_to_its_cap",
        ),
        (
            "nodes that crash together do not return together",
            " * (1.0 + policy.jitter * _spread(seed))",
            "",
            f"{BACKOFF}the_jitter_stays_within_its_share_and_is_the_same_for_the_same_seed",
        ),
        (
            "a node that is restarted without limit does not grow",
            "    keep = 1 if policy.max_restarts is None else policy.max_restarts\n",
            "    keep = 0 if policy.max_restarts is None else policy.max_restarts\n",
            f"{BACKOFF}without_a_limit_the_budget_does_not_grow",
        ),
    ),
    *guards_in(
        "anacostia_daemon/core/ends.py",
        BLAME,
        (
            "SIGKILL is not the artifact's fault, unless memory had run out",
            "        return event.signal != SIGKILL or event.out_of_memory\n",
            "        return True\n",
            f"{STEP}only_its_own_faults_count_against_what_it_executed",
        ),
        (
            "a kill for want of memory is the artifact's fault",
            "        return event.signal != SIGKILL or event.out_of_memory\n",
            "        return event.signal != SIGKILL\n",
            f"{STEP}only_its_own_faults_count_against_what_it_executed",
        ),
        (
            "giving way to a newer incarnation, or to a timeout, is no crash",
            '(said is not None and said.kind in ("fenced", "timeout"))',
            "False",
            f"{STEP}a_process_that_ended_itself_over_a_task_says_why_and_its_task_did_not_crash_it",
        ),
        (
            "whose end nobody knows is not blamed",
            "    return event.exit_code is not None  # else",
            "    return True  # else",
            f"{STEP}only_its_own_faults_count_against_what_it_executed",
        ),
    ),
)
