"""How companions are kept: told their settings, woken, started again, and let go. Their program is a shell script."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from anacostia_daemon.paths import Home
from anacostia_daemon.process.reaper import Reaper
from anacostia_daemon.supervisor.companion import FIRST_WAIT, LONGEST_WAIT, MOST_SETTINGS, Companion
from anacostia_daemon.supervisor.loop import Loop


class Bench:
    """A loop whose clock is set by hand, and a program in the place of Python."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.now, self.log = folder, 100.0, ""
        self.loop = Loop(lambda: self.now)
        self.program = folder / "program"
        monkeypatch.setattr(sys, "executable", str(self.program))
        self.made: list[Companion] = []

    def start(self, script: str, settings: dict[str, Any] | None = None) -> Companion:
        self.program.write_text(f"#!/bin/sh\ncd {self.folder}\n{script}\n")
        self.program.chmod(0o755)
        made = Companion(self.loop, Home(self.folder / "home"), Reaper(), "notify", settings or {})
        self.made.append(made)
        return made

    def until(self, holds: Callable[[], bool]) -> None:
        for _ in range(500):
            if holds():
                return
            self.loop.turn(0.02)
        raise AssertionError("not within 10 s")

    def said(self, capsys: pytest.CaptureFixture[str]) -> str:
        """All that the log has so far."""
        self.log += capsys.readouterr().err
        return self.log

    def text(self, name: str) -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else ""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    made = Bench(tmp_path, monkeypatch)
    yield made
    for each in made.made:
        each.close()
    made.loop.close()


def test_a_companion_is_told_its_settings_is_woken_and_hears_the_end(bench: Bench) -> None:
    told = bench.start("cat > told; echo over > over; echo $* > args", {"port": 9})
    told.wake()
    bench.until(lambda: bench.text("told").endswith("\n\n"))
    assert bench.text("told") == '{"port": 9}\n\n' and not bench.text("over")
    told.close()
    bench.until(lambda: bench.text("args") != "")
    assert bench.text("args") == f"-m anacostia_daemon.companions.notify {bench.folder}/home\n"


def test_waking_one_that_does_not_read_never_waits(bench: Bench) -> None:
    deaf = bench.start("exec sleep 60")
    for _ in range(70_000):  # more than a pipe takes
        deaf.wake()
    assert deaf.pid is not None
    os.kill(deaf.pid, signal.SIGKILL)


def test_one_that_ends_is_started_again_later_each_time(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.start("echo x >> starts; exit 3")
    for number, wait in enumerate((FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT), 1):
        said = f"notify: it ended with code 3; it is started again in {wait:g} s"
        bench.until(lambda said=said: said in bench.said(capsys))  # type: ignore[misc]
        assert bench.text("starts") == number * "x\n"
        bench.now += wait - 0.01
        bench.loop.turn(0)
        assert bench.made[0].pid is None, "started too soon"
        bench.now += 0.02
        bench.loop.turn(0)
    assert LONGEST_WAIT >= 4 * FIRST_WAIT


def test_one_that_cannot_work_here_is_not_started_again(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    hopeless = bench.start("exit 2")
    bench.until(lambda: "notify: not started again before the daemon is" in bench.said(capsys))
    bench.now += 2 * LONGEST_WAIT
    bench.loop.turn(0)
    assert hopeless.pid is None


def test_what_cannot_be_started_is_said_and_tried_again(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.program.mkdir()
    Companion(bench.loop, Home(bench.folder / "home"), Reaper(), "notify", {}).close()
    assert "notify: it cannot be started: Permission denied; it is started again in 1 s" in capsys.readouterr().err
    Companion(bench.loop, Home(bench.folder / "home"), Reaper(), "notify", {"x": "y" * MOST_SETTINGS}).close()
    assert f"cannot start notify: its settings have more than {MOST_SETTINGS} bytes" in capsys.readouterr().err
