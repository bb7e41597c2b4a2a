"""The moment between the fork of a node and its mark, in which nobody but its loader knows of it: the child dies with
that loader, whether the loader dies before or after the child could ask the kernel for it (law 7).
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nodes are forked on Linux only")

# The child waits for `event` and becomes a node; where it would write its mark it says "unmarked" and stays so. `then`
# is what the parent does when it has said the pid of the child.
SCRIPT = """
import os, select, signal
from node_sdk.runtime import mark
def stays_unmarked(text):
    os.write(1, b"unmarked\\n")
    signal.pause()
mark.write_mark = stays_unmarked
loader = os.getpid()
reader, writer = os.pipe()
pid = os.fork()
if pid == 0:
    os.close(writer)
    select.select([{event}], [], [])
    mark.become_process(loader)
    mark.become_node("h/p/n/1", "n")
    os._exit(3)
os.write(1, b"%d\\n" % pid)
{then}
signal.pause()
"""
PATIENCE = 20.0  # seconds; only a failing test waits so long


def said_until_nobody_is_left(parent: subprocess.Popen[bytes]) -> bytes:
    """What is still said, by whoever has the parent's output open; fails where somebody keeps it."""
    assert parent.stdout is not None
    said = b""
    while select.select([parent.stdout], [], [], PATIENCE)[0]:
        data = os.read(parent.stdout.fileno(), 4096)
        if not data:
            return said
        said += data
    raise AssertionError(f"the child lives on without its parent, and said {said!r}")


def start(event: str, then: str = "") -> tuple[subprocess.Popen[bytes], int]:
    parent = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(event=event, then=then)], stdout=subprocess.PIPE, bufsize=0
    )
    assert parent.stdout is not None
    line = parent.stdout.readline()
    return parent, int(line)


def end(parent: subprocess.Popen[bytes], child: int, alive: bool) -> None:
    if alive:
        os.kill(child, signal.SIGKILL)
    parent.kill()
    parent.wait()
    assert parent.stdout is not None
    parent.stdout.close()


def test_a_child_that_is_not_marked_yet_dies_with_its_parent() -> None:
    parent, child = start("reader", then="os.write(writer, b'!')")
    alive = True
    try:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"unmarked\n"
        parent.kill()
        assert said_until_nobody_is_left(parent) == b""
        alive = False
    finally:
        end(parent, child, alive)


def test_a_child_whose_parent_is_gone_before_it_can_ask_to_die_with_it_ends() -> None:
    # Not the end of the pipe: a process closes its files before its children get another parent.
    parent, child = start("os.pidfd_open(loader)")
    alive = True
    try:
        parent.kill()
        parent.wait()
        assert said_until_nobody_is_left(parent) == b""
        alive = False
    finally:
        end(parent, child, alive)
