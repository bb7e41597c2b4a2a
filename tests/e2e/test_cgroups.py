"""Where a control group is delegated to the daemon, each node has one of its own, and nobody hides from it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from gated import kill, lives
from place import BIN, ROOT, Place, wait_for

ROGUES = ROOT / "tests/rogues/pipeline.py"
NAME = "hides_completely"

# A mount of our own, in a namespace of our own: wherever this machine has mounted the groups, and whether it has.
INSIDE = """
import os, subprocess, sys
point, name, *command = sys.argv[1:]
subprocess.run(["mount", "-t", "cgroup2", "none", point], check=True)
group = os.path.join(point, name)
if command:
    os.mkdir(group)
    os.setxattr(group, "user.delegate", b"1")
    open(os.path.join(group, "cgroup.procs"), "w").write("0")
    os.execv(command[0], command)
print(sorted(each for each in os.listdir(group) if os.path.isdir(os.path.join(group, each))))
if "cgroup.kill" in os.listdir(group):
    os.rmdir(group)
"""


def inside(point: Path, name: str, *command: str | Path) -> list[str]:
    return ["unshare", "-m", sys.executable, "-c", INSIDE, str(point), name, *map(str, command)]


def possible() -> bool:
    probe = "import subprocess, tempfile; d = tempfile.mkdtemp(); subprocess.run(['mount', '-t', 'cgroup2', 'none', d])"
    probe += ".check_returncode()"
    done = subprocess.run(["unshare", "-m", sys.executable, "-c", probe], capture_output=True, check=False)
    return done.returncode == 0


pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0 or not possible(),
    reason="needs root, unshare, and a kernel with cgroup v2",
)


@pytest.fixture
def hidden(place: Place) -> Iterator[Place]:
    """A place whose daemon runs in a delegated group; the rogue has hidden its child."""
    point, name = place.root / "groups", f"anacostia-test-{place.stamp}"
    point.mkdir()
    place.spawn(*inside(point, name, BIN / "anacostiad"), log=place.root / "daemon.log")
    place.daemon_pid()
    place.ctl("start", ROGUES, "--", NAME, place.root)
    place.write("inbox/first.txt", "1")
    wait_for(lambda: (place.root / "family.log").exists() and child(place), "the child has hidden itself")
    pid = child(place)
    yield place
    place.ctl("shutdown")
    if lives(pid):
        os.kill(pid, signal.SIGKILL)  # of a test that failed: nothing else would find it
    left = subprocess.run(inside(point, name), capture_output=True, text=True, check=False)
    assert left.stdout == "[]\n", f"groups were left: {left.stdout}{left.stderr}"


def child(place: Place) -> int:
    return int((place.root / "family.log").read_text().split()[1])


def group(pid: int) -> str:
    return Path(f"/proc/{pid}/cgroup").read_text().splitlines()[-1].rpartition("/")[2]


def test_a_child_that_drops_environment_session_and_parent_goes_with_its_node(hidden: Place) -> None:
    rogue = hidden.node(NAME, "rogue")["pid"]
    pid = child(hidden)
    assert group(pid) == group(rogue) == f"anacostia:{hidden.home.hash}:{NAME}:rogue:1"
    assert group(hidden.node(NAME, "after")["pid"]) == f"anacostia:{hidden.home.hash}:{NAME}:after:1"
    assert group(hidden.daemon_pid()).startswith("anacostia-test-")

    kill(rogue)

    hidden.ready(NAME, "rogue", after=1)
    assert not lives(pid)
    hidden.run_ended(NAME, 1)


def test_it_goes_with_a_node_that_is_stopped(hidden: Place) -> None:
    pid = child(hidden)
    os.kill(hidden.node(NAME, "rogue")["pid"], signal.SIGSTOP)  # it need not know
    hidden.ctl("stop", NAME)
    assert not lives(pid)
