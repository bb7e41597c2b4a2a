"""Makes a forked child a process of its own (its session, its signals, its random numbers), and then a node (its mark,
its group, its name).

The mark stands in the environment of every process of a node's family, where the daemon finds it in
/proc/PID/environ. A forked process shows the block of environment that its ancestor was started with, and everything
it forks shows the same; so the loader is started with room in that block, and the mark is written over it, in place.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from functools import cache
from pathlib import Path

from node_sdk import cgroup
from node_sdk.runtime.launch import MARK_VARIABLE

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_ENV_START = 47  # index in /proc/PID/stat behind the command's name, of field 50 in proc(5)


def become_process(loader: int) -> None:
    """To be called first thing in a forked child; `loader` is the process that forked it."""
    # Until it shows its mark nobody but the loader knows of this process. A loader that dies before that takes it
    # along: else the daemon would find no family to clear, and start a second process of the node (law 7).
    _die_with_parent(signal.SIGKILL)
    if os.getppid() != loader:
        os._exit(1)
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    _set_name("standby")
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:  # Python sees to its own generator after a fork
        numpy_random.seed()


def become_node(mark: str, node: str) -> None:
    """To be called once it is known which node the process is to be."""
    write_mark(mark)
    _die_with_parent(0)
    if mark:
        cgroup.enter(mark)
    _set_name(node)


def write_mark(mark: str) -> None:
    """Show `mark` as MARK_VARIABLE of this process and of all that it starts."""
    os.environ[MARK_VARIABLE] = mark
    if not sys.platform.startswith("linux"):
        return  # there nodes are never forked: they start with their mark
    address, room = _room()
    if len(mark) <= room:  # else it is seen by what the node executes, at least
        ctypes.memmove(address, mark.encode().ljust(room), room)


def look_ahead() -> None:
    """Find out now, in the process that will fork, what each of its children would find out again."""
    if sys.platform.startswith("linux"):
        _room()
        _libc()
    cgroup.root()


@cache
def _room() -> tuple[int, int]:
    """Where the mark's room lies, at the same address in whoever is forked, and its size in bytes. (0, 0) where this
    process was started without room, so by a person and not by a daemon."""
    name = MARK_VARIABLE.encode() + b"="
    block = Path("/proc/self/environ").read_bytes()
    at = 0 if block.startswith(name) else block.find(b"\0" + name) + 1
    if at == 0 and not block.startswith(name):
        return 0, 0
    begin = at + len(name)
    stat = Path("/proc/self/stat").read_bytes()
    start = int(stat[stat.rindex(b")") + 2 :].split()[_ENV_START])
    return start + begin, block.index(b"\0", begin) - begin


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def _die_with_parent(number: int) -> None:
    """Have the system send this signal when the parent ends; 0: none."""
    if sys.platform.startswith("linux"):
        _prctl(_PR_SET_PDEATHSIG, number)


def _set_name(node: str) -> None:
    """What `top` shows."""
    if sys.platform.startswith("linux"):
        _prctl(_PR_SET_NAME, ctypes.c_char_p(f"ana:{node}"[:15].encode()))


def _prctl(option: int, value: object) -> None:
    with contextlib.suppress(OSError, AttributeError):
        _libc().prctl(option, value, 0, 0, 0)
