"""Runs a command with all that it starts: its lines are handed on as they come, and nobody of it is left at the end.

While a command runs this process is a subreaper, so that also who left the session or lost its parent is found below
it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from node_sdk.osprocess import Facts, be_subreaper, facts, pids

LONGEST_LINE = 16 * 1024  # bytes handed on at once
_GLANCE = 0.005  # seconds between two looks at who has gone; only while a family is being ended
_SURE = 5.0  # seconds that the kernel may take to end who was killed


def run(
    command: Sequence[str] | str,
    line: Callable[[str], None],
    *,
    env: Mapping[str, str],
    cwd: str | None,
    patience: float,
    shell: bool = False,
    stdin: IO[bytes] | None = None,
    pass_fds: Sequence[int] = (),
) -> int:
    """The exit code of `command`, negative where a signal ended it; OSError where it cannot be started.

    What it prints goes to `line`, in a thread. When it has ended, and when this is left by an exception, all that it
    has started gets SIGTERM, and SIGKILL after `patience` seconds.
    """
    be_subreaper()
    others = {each.pid: each.started for each in descendants()}
    child: subprocess.Popen[bytes] | None = None
    reader: threading.Thread | None = None
    try:
        child = subprocess.Popen(
            command,
            shell=shell,
            env=env,
            cwd=cwd,
            stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=pass_fds,
        )
        assert child.stdout is not None
        reader = threading.Thread(target=_read, args=(child.stdout, line), name="anacostia-output", daemon=True)
        reader.start()
        return child.wait()
    finally:
        _end_surely(others, patience)
        if child is not None:
            child.poll()  # reaped above; else its object would complain
        if reader is not None and reader.ident is not None:
            reader.join(_SURE)


def end(spared: Mapping[int, float], patience: float) -> None:
    """End all descendants of this process but the `spared` (pid to start time); wait until they are gone."""
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, _SURE)):
        until = time.monotonic() + seconds
        asked: set[int] = set()
        while family := [each for each in descendants() if spared.get(each.pid) != each.started]:
            for each in family:
                _ask(each, number, asked)
            if time.monotonic() > until:
                break
            time.sleep(_GLANCE)


def _end_surely(spared: Mapping[int, float], patience: float) -> None:
    """As `end`, also where this very thread is called back from its task in the middle of it, which happens once."""
    try:
        end(spared, patience)
    except BaseException:
        end(spared, patience)
        raise


def descendants() -> list[Facts]:
    """All processes below this one."""
    children: dict[int, list[Facts]] = {}
    for each in map(facts, pids()):
        if each is not None:
            children.setdefault(each.parent, []).append(each)
    found: list[Facts] = []
    waiting = [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += [each.pid for each in below]
    return found


def _ask(member: Facts, number: signal.Signals, asked: set[int]) -> None:
    """Reap it where it has ended and is ours to reap; else send it `number`, once."""
    with contextlib.suppress(ProcessLookupError, ChildProcessError, PermissionError):
        if member.zombie:
            if member.parent == os.getpid():
                os.waitpid(member.pid, os.WNOHANG)
        elif member.pid not in asked:
            asked.add(member.pid)
            os.kill(member.pid, number)


def _read(pipe: IO[bytes], line: Callable[[str], None]) -> None:
    with pipe:
        while data := pipe.readline(LONGEST_LINE):
            # Whatever a logger of the user's raises: who stops reading stops the command.
            with contextlib.suppress(Exception):
                line(data.decode("utf-8", "replace").rstrip("\r\n"))
