"""Another user of this machine: what is done `as_nobody`, a process of user 65534 does, without any group of ours."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zmq

NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: becomes another user")


def as_nobody(act: Callable[[], Any]) -> Any:
    """What `act` returns, as plain data, when another user does it."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            os.write(writer, json.dumps(act()).encode())
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        said = stream.read()
    os.waitpid(pid, 0)
    return json.loads(said)


def got_into(paths: list[Path]) -> list[str]:
    """What could be done to any of these: empty where nothing could."""
    return [f"{name} {path}" for path in paths for name, way in WAYS.items() if _works(way, path)]


def _works(way: Callable[[Path], Any], path: Path) -> bool:
    try:
        way(path)
    except (PermissionError, FileNotFoundError, IsADirectoryError):
        return False
    except OSError:
        return True  # it got as far as to hear something else
    return True


def _connect(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))


WAYS: dict[str, Callable[[Path], Any]] = {
    "stat": os.stat,
    "list": os.listdir,
    "read": lambda path: os.close(os.open(path, os.O_RDONLY)),
    "write": lambda path: os.close(os.open(path, os.O_WRONLY)),
    "make a file in": lambda path: os.close(os.open(path / "planted", os.O_WRONLY | os.O_CREAT)),
    "replace": lambda path: os.rename(path, path.with_name("moved")),
    "remove": os.unlink,
    "link to": lambda path: os.link(path, f"/tmp/planted-{os.getpid()}"),
    "change the mode of": lambda path: os.chmod(path, 0o777),
    "connect to": _connect,
}


def answer_of(path: Path, request: bytes) -> str:
    """What a stream socket that lets us connect says to `request` before it hangs up."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(str(path))
        said = b""
        with contextlib.suppress(BrokenPipeError):  # it has hung up already; what it said waits to be read
            sock.sendall(request)
        with contextlib.suppress(ConnectionResetError):
            while more := sock.recv(65536):
                said += more
        return said.decode(errors="replace")


def answered(path: Path, message: bytes, within: float = 1.0) -> bool:
    """Whether a ZeroMQ socket that lets us connect answers to `message`."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.linger = 0
        dealer.connect(f"ipc://{path}")
        dealer.send(message)
        deadline = time.monotonic() + within
        return bool(dealer.poll(int(1000 * (deadline - time.monotonic()))))
