"""The words of README.md and docs/operations.md, typed as they stand into a machine that has nothing of ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flow import crashed
from host import HOME, UNIT, Host, wait_for
from installed import ROOT

CTL = f"/opt/anacostia/bin/anacostiactl --home {HOME}"
# What pip would load is here already, and made from what this environment has; a checkout is what git has.
PIP = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/srv/wheels", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
CHECKOUT = "anacostia_daemon node_sdk systemd pyproject.toml README.md LICENSE"


def words(page: str, heading: str) -> list[str]:
    """The indented blocks below a heading."""
    text = (ROOT / page).read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return [block.replace("\n    ", "\n").strip() for block in re.findall(r"(?:^    .*\n(?:\n(?=    ))?)+", text, re.M)]


def hello() -> str:
    found = re.search(r"```python\n(# hello.py\n.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def checkout(host: Host, path: str) -> None:
    host.sh(f"mkdir {path}; cd /srv/app; cp -r {CHECKOUT} {path}; find {path} -name __pycache__ -exec rm -r {{}} +")
    host.write(f"{path}/hello.py", hello())


def runs(host: Host, number: int) -> list[str]:
    """The states of the runs, once there are so many and none is under way."""

    def over() -> list[str]:
        states = [each["state"] for each in host.json("runs", "hello") or []]
        return states if len(states) >= number and "running" not in states else []

    return wait_for(over, f"{number} runs are over")


@pytest.mark.timeout(300)  # pip builds and installs twice
def test_from_nothing_to_a_hardened_service_that_survives_a_reboot(boot: Callable[..., Host], kept: Path) -> None:
    host = boot(kept, empty=True)
    checkout(host, "/root/anacostia")
    install, start = words("README.md", "As a service")

    said = host.sh(f"cd /root/anacostia\n{install}\n{start}", **PIP)

    assert "running as pid" in said
    assert "Active: active (running)" in said
    assert said.endswith("all is well\n")
    wait_for(lambda: host.show("StatusText") == "1 pipeline, 3 nodes ready", "the sentence follows")
    assert host.show("UnitFileState") == "enabled"
    assert host.show("ProtectHome") == "yes"
    host.write(f"{HOME}/hello/haikus/pond.txt", "an old silent pond")
    assert runs(host, 1) == ["succeeded"]
    host.close()

    host = boot(kept, empty=True)
    wait_for(lambda: host.show("StatusText") == "1 pipeline, 3 nodes ready", "all of it is up again")
    host.write(f"{HOME}/hello/haikus/frog.txt", "a frog jumps into the pond")
    assert runs(host, 2) == ["succeeded", "succeeded"]

    _upgrade(host)
    _move(host)


def _upgrade(host: Host) -> None:
    """New code, and not one node that stops."""
    before, daemon = host.pids(), host.show("MainPID")
    (upgrade,) = words("docs/operations.md", "I want to upgrade")

    host.sh(f"cd /root/anacostia\n{upgrade}", **PIP)

    assert host.show("MainPID") not in ("0", daemon)
    assert host.pids() == before


def _move(host: Host) -> None:
    (move,) = words("docs/operations.md", "I want to move the home")

    host.sh(move)

    host.pids()
    assert host.sh("ls /srv/anacostia/journal.db")
    host.write("/srv/anacostia/hello/haikus/splash.txt", "splash! silence again")
    assert runs(host, 3) == ["succeeded"] * 3


def test_a_backup_of_a_running_service_brings_it_back_as_it_was(host: Host) -> None:
    host.sh(f"/opt/anacostia/bin/anacostiactl service install --now; install -d -o anacostia {HOME}/hello")
    host.write(f"{HOME}/hello/hello.py", hello())
    host.sh(f"cd {HOME}/hello; {CTL} start hello.py")
    host.write(f"{HOME}/hello/haikus/pond.txt", "an old silent pond")
    runs(host, 1)
    copy, restore = words("docs/operations.md", "Back up and restore")

    host.sh(copy)
    with crashed(host):  # it has copied a journal that was in use, and is as good for a daemon that crashed
        pass
    host.write(f"{HOME}/hello/haikus/frog.txt", "a frog jumps into the pond")
    runs(host, 2)
    host.sh(f"rm {HOME}/hello/haikus/*; rm {HOME}/hello/metadata.db; {CTL} stop hello; {CTL} remove hello", code=None)
    host.sh(restore)

    wait_for(lambda: host.show("StatusText") == "1 pipeline, 3 nodes ready", "what was up is up again")
    assert runs(host, 1) == ["succeeded"]
    assert host.sh(f"ls {HOME}/hello/haikus") == "pond.txt\n"
    host.write(f"{HOME}/hello/haikus/splash.txt", "splash! silence again")
    assert runs(host, 2) == ["succeeded", "succeeded"]
    assert host.show("ActiveState", UNIT) == "active"
