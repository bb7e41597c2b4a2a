"""A service that cannot start says what is wrong and what to do, in the journal and in `service status`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flow import DROP_INS, begin, install
from host import HOME, UNIT, Host, wait_for

CTL = "/opt/anacostia/bin/anacostiactl"


def failed(host: Host, unit: str = UNIT) -> None:
    wait_for(lambda: host.show("ActiveState", unit) == "failed", f"{unit} has failed")


def test_a_second_unit_with_the_same_home_is_refused_and_harms_nobody(host: Host) -> None:
    install(host)
    before = begin(host)
    host.sh(f"cp /etc/systemd/system/{UNIT} /etc/systemd/system/second.service; systemctl daemon-reload")

    host.run("systemctl", "start", "second.service", code=1)

    failed(host, "second.service")
    assert host.show("ExecMainStatus", "second.service") == "75"
    assert host.show("NRestarts", "second.service") == "0"
    daemon = host.show("MainPID")
    assert f"cannot start: a daemon (pid {daemon}) already holds {HOME}; use it" in host.journal("second.service")
    assert host.pids() == before
    host.sh("rm /etc/systemd/system/second.service")


def test_a_daemon_that_was_started_by_hand_is_in_the_way_until_it_ends(host: Host) -> None:
    host.run(CTL, "service", "install")
    by_hand = f"runuser -u anacostia -- /opt/anacostia/bin/anacostiad --home {HOME}"
    host.sh(f"setsid {by_hand} >/dev/null 2>&1 &")
    wait_for(lambda: host.json("version")["daemon"], "it answers")

    done = host.run(CTL, "service", "install", "--now", code=1)

    assert "`anacostiactl service status` says why" in done.stderr
    assert "exit code 75: another daemon holds its home" in host.run(CTL, "service", "status", code=3).stdout
    host.ctl("shutdown")
    host.run("systemctl", "start", UNIT)


def test_whoever_forgets_that_the_service_has_a_home_of_its_own_is_told(host: Host) -> None:
    install(host)

    done = host.run("/opt/anacostia/bin/anacostiactl", "status", code=69)

    assert "the service of this machine has another home: `anacostiactl --home /var/lib/anacostia …`" in done.stderr


def test_an_unknown_user_is_said_before_and_after_the_unit_is_written(host: Host) -> None:
    done = host.run(CTL, "service", "install", "--as", "nosuch", code=1)
    assert "cannot install the service: there is no user 'nosuch'" in done.stderr
    assert not host.sh("ls /etc/systemd/system | grep anacostiad || true")
    host.run(CTL, "service", "install")
    host.write(f"{DROP_INS}/test.conf", "[Service]\nUser=nosuch\nRestart=no\n")
    host.run("systemctl", "daemon-reload")

    host.run("systemctl", "start", UNIT, code=1)

    done = host.run(CTL, "service", "status", code=3)
    assert "exit code 217: its account does not exist: `systemd-sysusers` makes it" in done.stdout


def test_a_unit_without_a_runtime_directory_says_what_is_missing(host: Host) -> None:
    host.run(CTL, "service", "install")
    host.write(f"{DROP_INS}/test.conf", "[Service]\nRuntimeDirectory=\nProtectSystem=strict\nRestart=no\n")
    host.run("systemctl", "daemon-reload")

    host.run("systemctl", "start", UNIT, code=1)

    failed(host)
    assert host.show("ExecMainStatus") == "1"
    (said,) = wait_for(lambda: [text for text, level in host.events() if level == 3], "the journal has it")
    assert "cannot use directory /tmp/anacostia-" in said
    assert "Read-only file system; have its unit set RuntimeDirectory=" in said


def test_an_interpreter_that_is_gone_is_named_by_status(host: Host) -> None:
    host.run(CTL, "service", "install")
    host.sh(f"sed -i s,^ExecStart=/opt,ExecStart=/gone, /etc/systemd/system/{UNIT}; systemctl daemon-reload")
    host.write(f"{DROP_INS}/test.conf", "[Service]\nRestart=no\n")
    host.run("systemctl", "daemon-reload")

    host.run("systemctl", "start", UNIT, code=1)

    assert "exit code 203: its interpreter is gone" in host.run(CTL, "service", "status", code=3).stdout


def test_an_installation_that_the_account_cannot_read_is_refused_before_anything_is_written(host: Host) -> None:
    host.sh("mkdir -m 700 /root/private; cp -r --no-dereference /opt/anacostia /root/private/anacostia")
    script = "from anacostia_daemon.ctl.__main__ import main; import sys; sys.exit(main(['service', 'install']))"

    done = host.run("/root/private/anacostia/bin/python", "-c", script, code=1)

    assert (
        "user 'anacostia' cannot run /root/private/anacostia/bin/python, because it may not enter /root" in done.stderr
    )
    assert "/opt/anacostia" in done.stderr
    assert not host.sh("ls /etc/systemd/system | grep anacostiad || true")
    host.sh("rm -r /root/private")


def test_what_is_left_of_a_unit_that_has_failed_is_ended_by_hand(host: Host) -> None:
    install(host, tighter="Restart=no")
    begin(host)
    host.run("kill", "-KILL", host.show("MainPID"))
    failed(host)
    assert host.ours(), "nodes live on: who crashed may come back"

    done = host.run("runuser", "-u", "anacostia", "--", "/opt/anacostia/bin/anacostiad", "--home", HOME, "--end-nodes")

    assert "adopted" in done.stderr
    assert host.ours() == []


@pytest.mark.parametrize("words", [["install"], ["uninstall"]])
def test_only_root_touches_the_service_of_the_machine(host: Host, words: list[str]) -> None:
    done = host.run(CTL, "service", *words, user="nobody", code=1)

    assert f"cannot {words[0]} the service of the machine: only root can; use sudo, or --user" in done.stderr


def test_uninstalling_stops_everything_and_keeps_the_data(host: Host) -> None:
    install(host, "--hardened", tighter="WatchdogSec=20")
    begin(host)

    said = host.run(CTL, "service", "uninstall").stdout

    assert host.ours() == []
    assert host.sh(f"ls {DROP_INS}") == "test.conf\n", "a drop-in of the administrator is not ours to remove"
    assert f"removed /etc/systemd/system/{UNIT}" in said
    assert host.sh(f"cd {HOME} && ls work/metadata.db journal.db")
    assert "not installed" in host.run(CTL, "service", "status", code=3).stdout
    assert "it is not installed" in host.run(CTL, "service", "uninstall", code=1).stderr


def test_a_configuration_that_is_no_toml_is_said_at_once_and_not_tried_again(host: Host) -> None:
    host.run(CTL, "service", "install")
    host.write(f"{HOME}/anacostia.toml", "[daemon\nload_timeout = 5\n")
    host.sh(f"chown -R anacostia {HOME}")

    host.run("systemctl", "start", UNIT, code=1)

    failed(host)
    assert (host.show("ExecMainStatus"), host.show("NRestarts")) == ("78", "0")
    assert f"cannot use the configuration {HOME}/anacostia.toml: it is not TOML" in host.journal()
    said = host.run(CTL, "service", "status", code=3).stdout
    assert "exit code 78: its configuration cannot be used: `anacostiactl config check` says why" in said


@pytest.fixture
def full(host: Host) -> Iterator[str]:
    """A file that fills the disk that the home is on."""
    host.run(CTL, "service", "install")
    host.sh(f"mount -t tmpfs -o size=16m,mode=700,uid=$(id -u anacostia),gid=$(id -g anacostia) small {HOME}")
    host.sh(f"head -c 32m /dev/zero > {HOME}/filler || true")
    yield f"{HOME}/filler"
    host.run("systemctl", "stop", UNIT, code=None)
    host.sh(f"umount -l {HOME}")


def test_on_a_full_disk_it_is_tried_again_until_there_is_room(host: Host, full: str) -> None:
    host.run("systemctl", "start", "--no-block", UNIT)
    wait_for(lambda: int(host.show("NRestarts")) > 0, "it is tried again")
    (said, *_) = [text for text, level in host.events() if level == 3]
    assert f"cannot start in the home {HOME}" in said and "No space left on device" in said

    host.sh(f"rm {full}")

    wait_for(lambda: host.show("ActiveState") == "active", "it has started by itself")


def test_a_disk_that_fills_up_is_said_and_a_stop_still_stops_everything(host: Host, full: str) -> None:
    host.sh(f"rm {full}")
    host.run("systemctl", "start", UNIT)
    pids = begin(host)
    host.sh(f"head -c 32m /dev/zero > {full} || true")
    host.run("kill", "-KILL", str(pids["after"]))
    wait_for(lambda: "cannot write the journal" in host.ctl("status", code=None).stdout, "it is said")
    assert host.nodes()["after"]["pid"] is None

    host.run("systemctl", "stop", UNIT)

    assert host.show("Result") == "success"
    assert host.ours() == []
