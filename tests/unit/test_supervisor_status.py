"""What `status` leaves behind in the daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anacostia_daemon.paths import Home
from anacostia_daemon.supervisor.commands.asking import Arguments
from anacostia_daemon.supervisor.commands.status import status
from anacostia_daemon.supervisor.daemon import Daemon


class Listener:
    """Who asked."""

    def __init__(self) -> None:
        self.answers: list[Any] = []

    def result(self, answer: Any) -> None:
        self.answers.append(answer)


def test_what_was_measured_of_processes_that_are_gone_is_forgotten(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    daemon, listener = Daemon(Home(short / "home")), Listener()
    try:
        for pid in range(100):
            daemon.cpu.percent(pid, 1.0, 0.5)
        status(daemon, Arguments("show the status", {}), listener)  # type: ignore[arg-type]
        assert listener.answers[0]["pipelines"] == []
        assert daemon.cpu._last == {}
    finally:
        daemon._close()
