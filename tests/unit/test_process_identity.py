"""Who a pid is, and what can be waited for and signalled without ever hitting a namesake."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time

import psutil
import pytest

from anacostia_daemon.process.handle import hold
from anacostia_daemon.process.identity import (
    boot_id,
    is_alive,
    now,
    start_time,
    wall_time,
)
from anacostia_daemon.process.reaper import Reaper
from anacostia_daemon.process.usage import usage
from node_sdk.osprocess import LINUX, facts

SLEEPER = [sys.executable, "-S", "-c", "import signal; signal.pause()"]


def test_the_start_time_as_people_read_it_is_the_one_that_psutil_computes() -> None:
    ours = start_time(os.getpid())

    assert ours is not None
    assert abs(wall_time(ours) - psutil.Process().create_time()) < 2  # psutil knows the boot time to the second


@pytest.mark.skipif(not LINUX, reason="elsewhere psutil's start times are used as they are")
def test_the_start_time_is_the_kernels_own_and_no_wall_time_that_moves_when_the_clock_is_set() -> None:
    ours = start_time(os.getpid())
    [ticks] = subprocess.run(
        ["cut", "-d", " ", "-f", "22", f"/proc/{os.getpid()}/stat"], capture_output=True, check=True
    ).stdout.split()

    assert ours == int(ticks) / os.sysconf("SC_CLK_TCK")
    assert ours < now() < time.clock_gettime(time.CLOCK_BOOTTIME) + 1


def test_a_process_that_began_a_tick_before_is_another_one() -> None:
    started = start_time(os.getpid())

    assert started is not None
    before = started - 1 / os.sysconf("SC_CLK_TCK")
    assert not is_alive(os.getpid(), before)
    assert hold(os.getpid(), before) is None


def test_a_process_with_another_start_time_is_a_namesake_and_not_alive() -> None:
    started = start_time(os.getpid())

    assert started is not None
    assert is_alive(os.getpid(), started)
    assert not is_alive(os.getpid(), started - 60)
    assert hold(os.getpid(), started - 60) is None


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen(SLEEPER)
    handle = hold(child.pid)
    assert handle is not None
    child.kill()
    select.select([handle.fd], [], [])

    found = facts(child.pid)
    assert found is not None and found.zombie
    assert start_time(child.pid) is None
    assert hold(child.pid) is None
    handle.close()
    child.wait()


def test_a_handle_is_readable_once_its_process_has_ended_and_signals_nobody_after() -> None:
    child = subprocess.Popen(SLEEPER)
    handle = hold(child.pid, start_time(child.pid))
    assert handle is not None
    assert not handle.gone

    assert handle.send(signal.SIGKILL)
    select.select([handle.fd], [], [])

    assert handle.gone
    child.wait()
    assert not handle.send(signal.SIGKILL)
    assert not handle.send_group(signal.SIGKILL)
    handle.close()
    handle.close()


def test_a_group_is_signalled_as_a_whole_where_the_process_leads_one() -> None:
    script = f"import subprocess, sys; print(subprocess.Popen({SLEEPER!r}).pid, flush=True); sys.stdin.read()"
    leader = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert leader.stdout is not None and leader.stdin is not None
    member = hold(int(leader.stdout.readline()))
    handle = hold(leader.pid)
    assert member is not None and handle is not None

    handle.send_group(signal.SIGKILL)
    select.select([member.fd], [], [])

    assert leader.wait() == -signal.SIGKILL
    assert member.gone
    for each in (member, handle):
        each.close()
    leader.stdin.close()
    leader.stdout.close()


def test_no_process_has_no_facts_and_no_handle() -> None:
    child = subprocess.Popen([sys.executable, "-S", "-c", ""])
    child.wait()

    assert facts(child.pid) is None
    assert start_time(child.pid) is None
    assert hold(child.pid) is None
    assert usage(child.pid) is None


def test_a_command_name_with_parentheses_and_spaces_does_not_confuse_the_facts() -> None:
    script = "open('/proc/self/comm', 'w').write('a) Z (b'); print(flush=True); import signal; signal.pause()"
    child = subprocess.Popen([sys.executable, "-S", "-c", script], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()

    found = facts(child.pid)

    assert found is not None
    assert found.parent == os.getpid()
    assert not found.zombie
    child.kill()
    child.wait()
    child.stdout.close()


def test_the_boot_id_is_the_same_each_time() -> None:
    assert boot_id()
    assert boot_id() == boot_id()


def test_usage_counts_memory_and_cpu() -> None:
    used = usage(os.getpid())

    assert used is not None
    assert used.rss_bytes > 1_000_000
    assert used.cpu_seconds > 0


def test_the_reaper_keeps_expected_statuses_and_collects_the_others() -> None:
    reaper = Reaper()
    pids = []
    for code in (3, 4):
        pid = os.fork()
        if pid == 0:
            os._exit(code)
        pids.append(pid)
    killed = os.fork()
    if killed == 0:
        signal.pause()
        os._exit(0)
    reaper.expect(pids[0])
    reaper.expect(killed)
    os.kill(killed, signal.SIGKILL)
    for pid in (*pids, killed):
        fd = os.pidfd_open(pid)
        select.select([fd], [], [])
        os.close(fd)

    assert reaper.status(pids[0]) == (3, None)
    assert reaper.status(pids[1]) == (None, None)
    assert reaper.status(killed) == (None, signal.SIGKILL)
    assert facts(pids[1]) is None
