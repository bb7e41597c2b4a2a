"""A daemon's control socket without a daemon: the real server on the real loop, answering with values of the test."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anacostia_daemon.control.messages import ControlRequest
from anacostia_daemon.control.server import ControlServer, Conversation
from anacostia_daemon.paths import Home
from anacostia_daemon.supervisor.loop import Loop

Answer = Callable[[dict[str, Any], Conversation], None]


class AnsweringDaemon:
    """`answers[command]` is a value, or a function that speaks with the client; `asked` is what came."""

    def __init__(self, home: Home, group: str | None = None) -> None:
        self.home = home
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.loop = Loop()
        self._wake_reader, self._wake = os.pipe()
        self.loop.add_reader(self._wake_reader, self.loop.stop)
        self.server = ControlServer(self.loop, home.control_socket, self._handle, group)
        self._thread = threading.Thread(target=self.loop.run, daemon=True)  # a failing test must not hold up the rest
        self._thread.start()

    def stop(self) -> None:
        os.write(self._wake, b"\0")
        self._thread.join(10)
        assert not self._thread.is_alive()
        self.server.close()
        self.loop.close()
        os.close(self._wake)
        os.close(self._wake_reader)

    def _handle(self, request: ControlRequest, conversation: Conversation) -> None:
        self.asked.append((request.command, request.args))
        answer = self.answers.get(request.command)
        if callable(answer):
            answer(request.args, conversation)
        elif request.command in self.answers:
            conversation.result(answer)
        else:
            conversation.error("invalid", f"cannot do {request.command!r}: no such command")


@contextmanager
def short_home() -> Iterator[Home]:
    """A home whose socket's path is short enough on every system."""
    root = Path(tempfile.mkdtemp(prefix="ctl-", dir="/tmp"))
    (root / "run").mkdir(mode=0o700)
    try:
        yield Home(root / "home", {"XDG_RUNTIME_DIR": str(root / "run")})
    finally:
        shutil.rmtree(root)


def left_behind(path: Path) -> None:
    """A socket's file that nobody listens at."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))


def node(name: str, *predecessors: str, **changes: Any) -> dict[str, Any]:
    """A node as `status --json` shows it."""
    return {
        "name": name,
        "kind": "action",
        "type": "TrainNode",
        "desired": "up",
        "phase": "ready",
        "reason": "set up",
        "done": False,
        "pid": 4242,
        "incarnation": 1,
        "restarts": 0,
        "started_at": "2026-11-23T11:00:00.000Z",
        "ready_at": "2026-11-23T11:00:01.000Z",
        "last_end": None,
        "work": "idle",
        "cpu_percent": 0.5,
        "rss_bytes": 41_000_000,
        "predecessors": list(predecessors),
        **changes,
    }


def pipeline(name: str, *nodes: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A pipeline as `status --json` shows it."""
    return {
        "name": name,
        "file": f"/srv/{name}.py",
        "desired": "up",
        "phase": "ready",
        "store": {"uri": "sqlite:////srv/metadata.db"},
        "nodes": list(nodes),
        **changes,
    }


def status(*pipelines: dict[str, Any]) -> dict[str, Any]:
    """What `status --json` shows."""
    daemon = {"pid": 7, "version": "0.1.0", "started_at": "2026-11-23T10:00:00.000Z", "home": "/srv/home"}
    return {"daemon": daemon, "pipelines": list(pipelines)}
