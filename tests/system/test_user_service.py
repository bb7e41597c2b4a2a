"""The service of one user, under that user's own systemd."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from host import UNIT, Host, wait_for

CTL = "/opt/anacostia/bin/anacostiactl"
FLOW = "/srv/app/tests/e2e/steady_pipeline.py"


class User:
    """Somebody with a service of their own."""

    def __init__(self, host: Host, name: str) -> None:
        self._host, self.name = host, name
        host.run("useradd", "--create-home", "--shell", "/bin/sh", name)
        self.uid = host.run("id", "-u", name).stdout.strip()
        host.run("loginctl", "enable-linger", name)
        wait_for(lambda: host.show("ActiveState", f"user@{self.uid}.service") == "active", "the user's systemd is up")

    def run(self, *words: str, code: int | None = 0) -> str:
        home = f"/home/{self.name}"
        environment = {"HOME": home, "XDG_RUNTIME_DIR": f"/run/user/{self.uid}"}
        return self._host.run(*words, user=self.name, code=code, **environment).stdout

    def close(self) -> None:
        self._host.run("loginctl", "disable-linger", self.name, code=None)
        self._host.run("systemctl", "stop", f"user@{self.uid}.service", code=None)
        self._host.run("userdel", "--force", "--remove", self.name, code=None)


@pytest.fixture
def user(host: Host) -> Iterator[User]:
    made = User(host, "mle")
    yield made
    made.close()


def test_a_user_has_a_service_that_needs_no_session_and_ends_with_all_its_nodes(host: Host, user: User) -> None:
    said = user.run(CTL, "service", "install", "--user", "--now")

    assert f"wrote /home/mle/.config/systemd/user/{UNIT}" in said
    assert "enable-linger" not in said, "it does so already"
    assert "running as pid" in user.run(CTL, "service", "status", "--user")
    user.run("mkdir", "/home/mle/steady")
    user.run(CTL, "start", FLOW, "--", "/home/mle/steady")  # finds the daemon without being told its home

    def sentence() -> str:
        return user.run("systemctl", "--user", "show", UNIT, "-p", "StatusText")

    wait_for(lambda: sentence().endswith("5 nodes ready\n"), "systemd hears of it")
    # Nobody is logged in, and the user's systemd is started anew, as at a boot.
    host.run("systemctl", "restart", f"user@{user.uid}.service")
    wait_for(lambda: "5 nodes ready" in user.run(CTL, "service", "status", "--user", code=None), "it is back")

    user.run(CTL, "shutdown", "--leave-nodes")
    wait_for(lambda: "not running" in user.run(CTL, "service", "status", "--user", code=None), "the unit has ended")
    assert host.ours(), "nodes live on without it"

    said = user.run(CTL, "service", "uninstall", "--user")

    assert f"removed /home/mle/.config/systemd/user/{UNIT}" in said
    assert host.ours() == []
    assert "not installed" in user.run(CTL, "service", "status", "--user", code=3)
