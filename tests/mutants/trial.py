"""One trial: the tests of a guard in a copy of the tree from which it was taken away. Nothing outside of the copy is
touched, and what a mutant has started ends with its trial.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path
from typing import Literal

import psutil

from tests.mutants.guard import ROOT, Guard

SOURCES = ("node_sdk", "anacostia_daemon", "tests", "examples", "docs", "benchmarks", "systemd", "pyproject.toml")
ONE_TEST = 60  # seconds that a test may take; a mutant that hangs is caught
ALL_TESTS = 300.0  # seconds for all tests of a guard

FAILED, USED_WRONGLY, NONE_COLLECTED, NOT_THE_COPY = 1, 4, 5, 97  # exit codes of pytest; the last one is witness.py's

Verdict = Literal["caught", "NOT caught", "text not found", "test not found", "broken", "skipped"]


@dataclass(frozen=True, slots=True)
class Trial:
    """How it went; `output` is what pytest said."""

    guard: Guard
    verdict: Verdict
    output: str = ""


def copy_tree(to: Path) -> None:
    """The sources, and nothing else: no environment, no caches of tests, no history."""
    to.mkdir()
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        elif source.exists():
            shutil.copy2(source, to / name)


def attempt(guard: Guard, pristine: Path, folder: Path) -> Trial:
    """Take `guard` away in a copy of `pristine` that is made in `folder`, and run its tests there."""
    if (found := guard.occurrences(pristine)) != 1:
        return Trial(guard, "text not found", f"{guard.file} has it {found} times:\n{guard.take}")
    # With what Python has compiled already; it goes by the time of a file, which the copy keeps.
    copy = Path(shutil.copytree(pristine, folder / "tree"))
    guard.take_away(copy)
    mutant = copy / guard.file
    Path(cache_from_source(str(mutant))).unlink(missing_ok=True)
    try:
        compile(mutant.read_text(), guard.file, "exec")
    except SyntaxError as error:
        return Trial(guard, "broken", f"{guard.file}: {error}")
    code, output = run_tests(guard.caught_by, copy, folder)
    return Trial(guard, _verdict(code, output), output)


def run_tests(tests: Iterable[str], copy: Path, folder: Path, *options: str) -> tuple[int, str]:
    """pytest's exit code and output, with the interpreter of this process and the packages of `copy`."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "tests.mutants.witness"]
    command += [f"--timeout={ONE_TEST}", f"--basetemp={folder / 't'}", *options, *tests]
    with subprocess.Popen(
        command,
        cwd=copy,
        env=_environment(copy),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=ALL_TESTS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            output += f"\nended after {ALL_TESTS:g} s"
            return FAILED, output
        finally:
            _end_all_of(copy)
    return process.returncode, output


def _environment(copy: Path) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
    return {**kept, "PYTHONPATH": str(copy)}


def _verdict(code: int, output: str) -> Verdict:
    if code == FAILED:
        return "caught"
    if code in (USED_WRONGLY, NONE_COLLECTED):
        return "test not found"
    if code != 0:
        return "broken"
    return "skipped" if " passed" not in output else "NOT caught"


def _end_all_of(copy: Path) -> None:
    """A mutant may fail to end what it started; whatever was started there says so in its environment."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get("PYTHONPATH") == str(copy):
                process.kill()
