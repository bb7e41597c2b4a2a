"""Members of the group that the configuration names control the service, over one socket; nobody else does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flow import begin
from host import HOME, UNIT, Host, wait_for

from anacostia_daemon.paths import Home

CTL = "/opt/anacostia/bin/anacostiactl"
SOCKETS = f"/run/anacostia/{Home(HOME).hash}"
CONNECT = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"


@pytest.fixture
def service(host: Host) -> Iterator[Host]:
    """Installed, and configured for a group that its account is not in yet; alice is, mallory is not."""
    host.run(CTL, "service", "install", "--hardened")
    host.sh("groupadd mlops; useradd -M -G mlops alice; useradd -M mallory")
    host.write("/etc/anacostia/anacostia.toml", '[daemon]\ncontrol_group = "mlops"\n')
    yield host
    host.sh("rm -r /etc/anacostia; userdel alice; userdel mallory; gpasswd -d anacostia mlops || true; groupdel mlops")


def test_a_member_controls_the_daemon_and_somebody_else_does_not(service: Host) -> None:
    service.sh("usermod -aG mlops anacostia")
    service.run("systemctl", "start", UNIT)
    begin(service)

    said = service.run(CTL, "--home", HOME, "stop", "gated/after", user="alice")
    denied = service.run(CTL, "--home", HOME, "stop", "gated", user="mallory", code=69)

    assert "gated/after" in said.stdout + said.stderr
    assert service.nodes()["after"]["desired"] == "down"
    assert f"{SOCKETS}/control.sock is another user's" in denied.stderr
    alice = service.run("id", "-u", "alice").stdout.strip()
    assert f"user {alice} asks: stop gated/after" in service.journal()
    # Nothing but that one socket.
    service.run(CTL, "--home", HOME, "status", "gated", user="alice", code=None)
    for each in ("link.sock", "gated/loader.sock", "gated/job.sock"):
        assert service.sh(f"test -S {SOCKETS}/{each} && echo there") == "there\n"
        done = service.run("/opt/anacostia/bin/python", "-c", CONNECT, f"{SOCKETS}/{each}", user="alice", code=1)
        assert "PermissionError" in done.stderr
    assert "Permission denied" in service.run("ls", SOCKETS, user="alice", code=2).stderr
    assert "Permission denied" in service.run("ls", HOME, user="alice", code=2).stderr
    # systemd closes the directory with each command of the unit.
    service.run("systemctl", "reload", UNIT)
    wait_for(lambda: "nothing has changed" in service.journal(), "it was reloaded")
    service.run(CTL, "--home", HOME, "start", "gated/after", user="alice")


def test_a_group_that_the_account_is_not_in_is_said_and_how_to_mend_that(service: Host) -> None:
    service.run("systemctl", "start", UNIT, code=1)

    assert service.show("ExecMainStatus") == "78"
    said = "cannot let group 'mlops' control this daemon: its user is not in that group; `usermod -aG mlops anacostia`"
    assert said in service.journal()
