"""The machine's service under a real systemd: what it promises of starting, stopping, crashing and hanging."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flow import DROP_INS, WORK, begin, crashed, executing, finish, install
from host import HOME, NODES_UNIT, UNIT, Host, wait_for


def test_start_returns_when_the_daemon_is_ready_and_systemd_shows_what_it_says(host: Host) -> None:
    install(host)

    assert host.show("ActiveState") == "active"
    assert host.show("StatusText") == "no pipelines"
    assert host.json("version")["daemon"]["pid"] == int(host.show("MainPID"))
    assert host.sh(f"stat -c '%U %a' {HOME} /run/anacostia /var/log/anacostia") == "anacostia 700\n" * 3

    begin(host)

    wait_for(lambda: host.show("StatusText") == "1 pipeline, 5 nodes ready", "the sentence follows")
    assert host.sh(f"readlink {HOME}/pipelines/gated/logs") == "/var/log/anacostia/gated\n"
    assert "metadata_store.log" in host.sh("ls /var/log/anacostia/gated")


def test_a_daemon_that_hangs_is_replaced_and_its_nodes_live_on(host: Host) -> None:
    install(host, tighter="WatchdogSec=1")
    before = begin(host)

    with crashed(host, "STOP"):
        pass

    assert host.pids() == before
    assert "Watchdog timeout" in host.journal()
    assert "Fatal Python error: Aborted" in host.journal(), "the journal does not show where it hung"
    finish(host)
    assert host.show("NRestarts") == "1"


def test_a_daemon_that_is_killed_in_mid_run_loses_nothing(host: Host) -> None:
    install(host)
    before = begin(host)

    with crashed(host):
        host.write(f"{WORK}/go-1-1", "")  # it ends while no daemon lives

    assert host.pids() == before
    finish(host)
    assert host.sh(f"wc -l < {WORK}/attempts.log") == "1\n"
    host.write(f"{WORK}/inbox/two.txt", "2")
    executing(host, run=2)
    finish(host, run=2)


def test_stop_leaves_no_process_and_the_pipeline_comes_back_with_the_next_start(host: Host) -> None:
    install(host)
    begin(host)

    host.run("systemctl", "stop", UNIT)

    assert host.ours() == []
    assert host.show("Result") == "success"
    host.run("systemctl", "start", UNIT)
    assert executing(host, attempt=2)
    finish(host, attempt=2)


def asleep(host: Host) -> None:
    """No node, no loader, no daemon; but what ends them may not have returned yet."""
    wait_for(lambda: host.ours() == [], "nobody is left")


def test_a_stop_between_a_crash_and_the_restart_ends_the_nodes(host: Host) -> None:
    install(host, tighter="RestartSec=60")
    begin(host)
    host.run("kill", "-KILL", host.show("MainPID"))
    wait_for(lambda: host.show("SubState") == "auto-restart", "it waits to be restarted")

    host.run("systemctl", "stop", UNIT)

    asleep(host)
    assert (host.show("ActiveState"), host.show("ActiveState", NODES_UNIT)) == ("inactive", "inactive")
    assert "stopping: ending what an earlier daemon has left" in host.journal(NODES_UNIT), "they were not asked"
    host.run("systemctl", "start", UNIT)
    executing(host, attempt=2)
    finish(host, attempt=2)


@pytest.mark.parametrize("words", ["start", "restart"])
def test_a_start_between_a_crash_and_the_restart_adopts_the_nodes(host: Host, words: str) -> None:
    install(host, tighter="RestartSec=60")
    before = begin(host)
    host.run("kill", "-KILL", host.show("MainPID"))
    wait_for(lambda: host.show("SubState") == "auto-restart", "it waits to be restarted")

    host.run("systemctl", words, UNIT)

    assert host.pids() == before
    finish(host)


def test_a_stop_ends_nodes_that_were_left_on_purpose_however_well_they_hide(host: Host) -> None:
    install(host)
    host.sh(f"mkdir {WORK}; chown anacostia {WORK}")
    host.ctl("start", "/srv/app/tests/rogues/pipeline.py", "--", "hides_completely", WORK)
    host.write(f"{WORK}/inbox/one.txt", "1")
    wait_for(lambda: host.sh(f"cat {WORK}/family.log 2>/dev/null || true").split(), "a child has hidden itself")
    host.ctl("shutdown", "--leave-nodes")
    wait_for(lambda: host.show("ActiveState") == "inactive", "the unit has ended")
    assert host.ours()

    host.run("systemctl", "stop", UNIT)

    asleep(host)


def test_a_stop_that_takes_longer_than_its_timeout_is_given_the_time_that_the_nodes_may_take(host: Host) -> None:
    install(host, tighter="TimeoutStopSec=1")
    host.write(f"{WORK}/stubborn", "")
    begin(host)

    host.run("systemctl", "stop", UNIT)

    assert host.show("Result") == "success", host.journal()
    assert "timed out" not in host.journal()
    assert host.ours() == []


def test_a_daemon_that_hangs_while_it_is_told_to_stop_leaves_no_process_however_well_it_hides(host: Host) -> None:
    install(host, tighter="TimeoutStopSec=3\nWatchdogSec=0")
    host.sh(f"mkdir {WORK}; chown anacostia {WORK}")
    host.ctl("start", "/srv/app/tests/rogues/pipeline.py", "--", "hides_completely", WORK)
    host.write(f"{WORK}/inbox/one.txt", "1")
    hidden = wait_for(
        lambda: host.sh(f"cat {WORK}/family.log 2>/dev/null || true").split(), "a child has hidden itself"
    )[1]
    host.run("kill", "-STOP", host.show("MainPID"))
    # systemd wakes a stopped process together with SIGTERM; this one is not to be woken.
    host.write(f"{DROP_INS}/test.conf", "[Service]\nTimeoutStopSec=3\nKillSignal=SIGWINCH\n")
    host.run("systemctl", "daemon-reload")
    assert [each for each in host.ours() if each.split()[0] == hidden]

    host.run("systemctl", "stop", UNIT)

    assert host.show("Result") == "timeout"
    assert host.ours() == []


def test_the_journal_has_one_line_for_each_event_with_its_level(host: Host) -> None:
    install(host)
    pids = begin(host)
    host.run("kill", "-KILL", str(pids["after"]))
    wait_for(lambda: host.nodes()["after"]["incarnation"] == 2 and host.pids(), "it is back")

    lines = host.events()

    crash = [each for each in lines if "gated/after[1]" in each[0] and "ready to killing" in each[0]]
    assert [priority for _, priority in crash] == [4], lines
    assert [priority for text, priority in lines if "holds" in text] == [5]
    assert {priority for text, priority in lines if "starting to ready" in text} == {6}
    assert not [text for text, _ in lines if text.startswith(("<", "20"))], "a prefix or a time of ours is left in"
    per_node = [text for text, _ in lines if "gated/after[2]" in text]
    assert len(per_node) == len(set(per_node))


def test_reload_tells_systemd_when_it_is_done(host: Host) -> None:
    install(host)

    host.run("systemctl", "reload", UNIT)

    wait_for(lambda: "configuration: nothing has changed" in host.journal(), "the daemon heard of it")
    assert host.show("ActiveState") == "active"
    assert host.show("StatusText") == "no pipelines"


def test_the_hardened_service_runs_a_pipeline_through_a_crash_of_its_daemon(host: Host) -> None:
    install(host, "--hardened")
    before = begin(host)
    job = before["job"]

    assert host.sh(f"tr '\\0' '\\n' < /proc/{job}/environ | grep ^TMPDIR=") == "TMPDIR=/var/cache/anacostia\n"
    assert host.sh(f"nsenter -t {job} -m ls /home /root", code=None) == "/home:\n\n/root:\n"
    with crashed(host):
        pass

    assert host.pids() == before
    finish(host)
    host.run("systemctl", "stop", UNIT)
    assert host.ours() == []


def test_a_dynamic_user_keeps_home_and_nodes_through_a_crash_of_the_daemon(host: Host) -> None:
    # The account that the unit names does not have to be there.
    host.run("/opt/anacostia/bin/anacostiactl", "service", "install")
    host.run("userdel", "anacostia")
    host.sh("rm -rf /var/lib/anacostia /var/log/anacostia")
    host.write(f"{DROP_INS}/test.conf", "[Service]\nDynamicUser=yes\n")
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "start", UNIT)
    before = begin(host)

    with crashed(host):
        pass

    assert host.pids() == before
    finish(host)
    host.run("systemctl", "stop", UNIT)
    assert host.ours() == []


@pytest.mark.parametrize("orderly", [True, False])
def test_a_reboot_resumes_the_pipelines_that_were_up(boot: Callable[..., Host], kept: Path, orderly: bool) -> None:
    first = boot(kept)
    install(first)
    begin(first)
    if orderly:
        first.power_off()
    else:
        first.close()

    second = boot(kept)

    wait_for(lambda: second.show("ActiveState") == "active", "it is up again without being told")
    executing(second, attempt=2)
    finish(second, attempt=2)


@pytest.mark.parametrize("leave", [False, True])
def test_an_upgrade_leaves_the_nodes_alone_where_it_is_asked_to(host: Host, leave: bool) -> None:
    install(host)
    before = begin(host)

    if leave:
        host.ctl("shutdown", "--leave-nodes")
        wait_for(lambda: host.show("ActiveState") == "inactive", "the unit has ended")
        host.run("systemctl", "start", UNIT)
        assert host.pids() == before
        finish(host)
    else:
        host.run("systemctl", "restart", UNIT)
        assert host.pids() != before
        executing(host, attempt=2)
        finish(host, attempt=2)
