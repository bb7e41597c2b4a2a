"""Peers: other people's programs, each in a virtual environment of its own with the versions of
benchmarks/peers/NAME.txt, made on first use. One that cannot be installed takes no part; that is said in the table.

A peer that is a library is measured by a script in its environment, a file of benchmarks/peers/inside: it reads
questions and writes answers, one JSON value per line (`inside/answering.py`). It imports nothing of ours.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.harness.talk import Talk, talk

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ROOT / "benchmarks" / "peers"
PLACE = ROOT / ".bench"


class PeerMissing(Exception):
    """A peer cannot take part; the message says why."""


@dataclass(frozen=True)
class Peer:
    """A peer that is installed in `home`."""

    name: str
    home: Path

    @property
    def python(self) -> Path:
        return self.home / "bin" / "python"

    def program(self, name: str) -> Path:
        """One of its commands."""
        return self.home / "bin" / name

    def version(self) -> str:
        """Its name and version, as pinned: the first line of its requirements."""
        return (NEEDED / f"{self.name}.txt").read_text().splitlines()[0].replace("==", " ")

    def talk(
        self, script: str, *arguments: str | Path, env: Mapping[str, str] | None = None
    ) -> contextlib.AbstractContextManager[Talk]:
        """`script` of benchmarks/peers/inside, running in the peer's environment until the end of the block."""
        return talk(self.python, NEEDED / "inside" / script, *arguments, env=env)


def installed(name: str) -> Peer:
    """The peer, installed now where it was not yet; PeerMissing where that fails."""
    requirements = NEEDED / f"{name}.txt"
    home = PLACE / name
    wanted, noted = requirements.read_text(), home / "installed.txt"
    if not noted.exists() or noted.read_text() != wanted:
        _install(home, requirements)
        noted.write_text(wanted)
    return Peer(name, home)


def _install(home: Path, requirements: Path) -> None:
    print(f"installing {requirements.stem} …", file=sys.stderr, flush=True)
    command = [str(home / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    try:
        venv.create(home, clear=True, with_pip=True)
        subprocess.run([*command, "-r", str(requirements)], check=True, capture_output=True, text=True, timeout=600)
    except subprocess.CalledProcessError as error:
        last = str(error.stderr or error).strip().splitlines()[-1:]
        raise PeerMissing(f"cannot install {requirements.name}: {' '.join(last)}") from error
    except (subprocess.TimeoutExpired, OSError) as error:
        raise PeerMissing(f"cannot install {requirements.name}: {error}") from error


def opened(
    stack: contextlib.ExitStack, wanted: Mapping[str, Callable[[], contextlib.AbstractContextManager[T]]]
) -> tuple[dict[str, T], dict[str, str]]:
    """Enter what `wanted` makes, by row; and, by row, why some could not be."""
    found: dict[str, T] = {}
    missing: dict[str, str] = {}
    for row, make in wanted.items():
        try:
            found[row] = stack.enter_context(make())
        except PeerMissing as error:
            missing[row] = str(error)
    return found, missing
