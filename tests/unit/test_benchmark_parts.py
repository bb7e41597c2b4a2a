"""Where the time of a restart goes, told from what its processes asked of the kernel."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.harness.talk import talk
from benchmarks.harness.timeline import Event
from benchmarks.ready import Kill
from benchmarks.restart_parts import CHILD, DAEMON, ENDS, JOURNAL, LOADER, READY, STORE, of_one

KILL = Kill(at=10.0, ready=10.020)
DAEMON_PID, LOADER_PID, STORE_PID, STRANGER = 1, 2, 3, 9


def at(ms: float, pid: int, name: str, text: str = "") -> Event:
    return Event(10.0 + ms / 1000, pid, pid, name, text)


SEEN = [
    at(1.0, LOADER_PID, "sys_exit_wait4", "0x0"),
    at(2.0, LOADER_PID, "sys_exit_wait4", "0x4d2"),
    at(2.2, DAEMON_PID, "sys_enter_sendto"),
    at(2.5, LOADER_PID, "sys_enter_sendto"),
    at(3.0, DAEMON_PID, "sys_enter_fdatasync"),
    at(4.0, DAEMON_PID, "sys_exit_fdatasync", "0x0"),
    at(6.0, DAEMON_PID, "sys_enter_fdatasync"),
    at(6.5, DAEMON_PID, "sys_exit_fdatasync", "0x0"),
    at(7.0, DAEMON_PID, "sys_enter_sendto"),
    at(7.5, LOADER_PID, "sys_enter_sendto"),
    at(8.0, STRANGER, "sys_exit_recvfrom", "0x9a"),
    at(9.0, DAEMON_PID, "sys_enter_fdatasync"),
    at(9.5, DAEMON_PID, "sys_exit_fdatasync", "0x0"),
    at(11.0, STORE_PID, "sys_exit_recvfrom", "0xfffffffffffffff5"),
    at(12.0, STORE_PID, "sys_exit_recvfrom", "0x9a"),
    at(14.0, STORE_PID, "sys_enter_sendto"),
]


def test_the_parts_of_a_restart_add_up_to_the_whole() -> None:
    parts = of_one(SEEN, KILL, DAEMON_PID, LOADER_PID, STORE_PID)
    assert parts is not None
    expected = {ENDS: 2.0, LOADER: 1.0, DAEMON: 3.0, JOURNAL: 1.5, CHILD: 4.5, STORE: 2.0, READY: 6.0}
    assert parts == pytest.approx(expected)
    assert sum(parts.values()) == pytest.approx(KILL.ms)


def test_what_the_daemon_writes_while_the_child_starts_holds_up_nobody_and_is_not_counted() -> None:
    beside = [each for each in SEEN if not (each.pid == DAEMON_PID and each.at > 10.008)]
    assert of_one(beside, KILL, DAEMON_PID, LOADER_PID, STORE_PID) == of_one(
        SEEN, KILL, DAEMON_PID, LOADER_PID, STORE_PID
    )


def test_a_restart_that_went_another_way_has_no_parts() -> None:
    no_hello = [each for each in SEEN if each.pid != STORE_PID]
    assert of_one(no_hello, KILL, DAEMON_PID, LOADER_PID, STORE_PID) is None


def test_an_error_of_a_system_call_is_a_negative_result() -> None:
    assert at(0, LOADER_PID, "sys_exit_wait4", "0xfffffffffffffff6").result == -10
    assert at(0, LOADER_PID, "sys_exit_wait4", "0x4d2").result == 1234


def test_a_script_in_another_process_is_asked_and_whatever_else_it_prints_is_passed_over(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import sys\nfor line in sys.stdin:\n    print('chatter')\n    print('answer', line, end='')\n")
    with talk(sys.executable, script) as asked:
        assert asked.ask("sum", 1, 2) == ["sum", 1, 2]


def test_a_script_that_ends_before_it_answers_is_an_error_that_names_it(tmp_path: Path) -> None:
    script = tmp_path / "mute.py"
    script.write_text("input()\n")
    with talk(sys.executable, script) as asked, pytest.raises(RuntimeError, match=r"mute\.py ended before it answered"):
        asked.ask("anything")
