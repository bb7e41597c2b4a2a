"""Who descends from a process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from anacostia_daemon.process.descent import below

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux keeps lists of children")

# A process with two children, the second of which has one from a thread of its own.
FAMILY = """if True:
    import os, subprocess, sys, threading
    sleeper = ["sleep", "60"]
    first = subprocess.Popen(sleeper)
    reader, writer = os.pipe()
    second = os.fork()
    if second == 0:
        made = []
        done = threading.Event()
        def start():
            made.append(subprocess.Popen(sleeper).pid)
            done.set()
            sys.stdin.read()
        thread = threading.Thread(target=start)
        thread.start()
        done.wait()
        os.write(writer, str(made[0]).encode())
        thread.join()
        os._exit(0)
    third = int(os.read(reader, 20))
    print(first.pid, second, third, flush=True)
    sys.stdin.read()
    for each in (first.pid, second, third):
        os.kill(each, 9)
"""


def test_all_descendants_are_found_but_for_the_children_that_are_known_and_theirs() -> None:
    with subprocess.Popen([sys.executable, "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as top:
        assert top.stdout is not None
        first, second, third = map(int, top.stdout.readline().split())
        assert sorted(below(top.pid) or []) == sorted([first, second, third])
        assert below(top.pid, {second}) == [first]
        assert {second, third} <= set(below(os.getpid()) or [])
        top.communicate()
    assert below(top.pid) == []
