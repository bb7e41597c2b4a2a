"""Starts a daemon in the background and waits until it is up, or has said why it is not. Nothing here polls."""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from anacostia_daemon.control.client import Client, ControlFailure, DaemonNotRunning
from anacostia_daemon.paths import Home
from node_sdk.errors import AnacostiaError
from node_sdk.own_files import open_own
from node_sdk.policy import LogPolicy
from node_sdk.rotation import Rotation

UP_WITHIN = 60.0  # seconds; it adopts what an earlier daemon has left before it answers
_TAIL = 4000  # bytes of its log that are shown when it ends at once


class CannotLaunch(AnacostiaError):
    """No daemon could be started; the message holds what it said."""


def ensure_daemon(home: Home) -> int | None:
    """Start a daemon for `home` where none runs; its pid, or None where one runs already."""
    if is_running(home):
        return None
    home.make()
    with _alone(home):
        if is_running(home):  # somebody else's `start` was quicker
            return None
        process = launch(home)
    process.returncode = 0  # it lives on without us, and is not ours to wait for
    return process.pid


def is_running(home: Home) -> bool:
    """Whether a daemon answers for `home`; ControlFailure where one is there that will not speak with us."""
    try:
        with Client(home) as client:
            client.request("version", timeout=UP_WITHIN)
    except DaemonNotRunning:
        return False
    return True


def launch(home: Home, end_with: int | None = None) -> subprocess.Popen[bytes]:
    """A daemon in a session of its own, up and answering. It ends when descriptor `end_with` says end of file."""
    home.make()
    Rotation(home.log, LogPolicy()).begin()
    ready, tell = os.pipe()
    try:
        with open(open_own(home.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab") as log:  # noqa: PTH123
            began = log.tell()
            process = subprocess.Popen(
                _command(home, tell, end_with),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(tell,) if end_with is None else (tell, end_with),
                cwd="/",  # so that no directory of the caller is kept busy
                env=_environment(end_with),
                start_new_session=True,
            )
        os.close(tell)
        tell = -1
        if not select.select([ready], [], [], UP_WITHIN)[0]:
            raise CannotLaunch(
                f"cannot wait for the daemon of {home.path}: it is not up after {UP_WITHIN:g} s and goes on starting; "
                f"look into {home.log}"
            )
        if os.read(ready, 16):
            return process
        process.wait()
        raise CannotLaunch(f"cannot start a daemon for {home.path}: {_last_words(home, began)}")
    except OSError as error:
        raise CannotLaunch(f"cannot start a daemon for {home.path}: {error.strerror or error}") from error
    finally:
        os.close(ready)
        if tell >= 0:
            os.close(tell)


def _environment(end_with: int | None) -> dict[str, str]:
    """One that is started for a single pipeline has nothing to do with those that a configuration lists."""
    return {name: value for name, value in os.environ.items() if end_with is None or name != "ANACOSTIA_CONFIG"}


def _command(home: Home, tell: int, end_with: int | None) -> list[str]:
    command = [sys.executable, "-m", "anacostia_daemon", "--home", str(home.path), "--ready-fd", str(tell)]
    return command if end_with is None else [*command, "--end-with-fd", str(end_with)]


def _last_words(home: Home, began: int) -> str:
    with home.log.open("rb") as log:
        log.seek(max(began, log.seek(0, os.SEEK_END) - _TAIL))
        said = log.read().decode(errors="replace").strip()
    return f"it ended at once, saying:\n{said}" if said else f"it ended at once and said nothing (log: {home.log})"


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Two `start`s at the same time: the second waits, and finds the daemon of the first."""
    descriptor = open_own(home.path / "launch.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


__all__ = ["CannotLaunch", "ControlFailure", "ensure_daemon", "is_running", "launch"]
