"""Versions: of Python, of the packages that are needed, of SQLite, and of the daemon against the command."""

from __future__ import annotations

import platform
import re
import sqlite3
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from anacostia_daemon import __version__
from anacostia_daemon.doctor.finding import Finding, fault, ok, warning

_DISTRIBUTION = "anacostia-daemon"
_SQLITE = (3, 35, 0)  # UPDATE … RETURNING
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*(?:>=\s*([0-9.]+))?")


def check(daemon: dict[str, Any] | None) -> Iterator[Finding]:
    """`daemon` is what it says of itself; None where none runs."""
    yield _python()
    yield from _packages()
    found = tuple(map(int, sqlite3.sqlite_version.split(".")))
    if found < _SQLITE:
        wanted = ".".join(map(str, _SQLITE))
        yield fault(
            "sqlite", f"SQLite {sqlite3.sqlite_version} is too old", f"use a Python with SQLite {wanted} or newer"
        )
    else:
        yield ok("sqlite", f"SQLite {sqlite3.sqlite_version}")
    if daemon is None:
        yield ok("daemon", "none runs for this home; `anacostiactl start FILE` or `anacostiad` starts one")
    elif daemon["version"] != __version__:
        versions = f"the daemon (pid {daemon['pid']}) is {daemon['version']}, this command {__version__}"
        yield warning("daemon", versions, "`anacostiactl shutdown --leave-nodes`, then start the new daemon")
    else:
        yield ok("daemon", f"{daemon['version']} runs, pid {daemon['pid']}")
    if daemon is not None and daemon.get("trouble"):
        what, _, way_out = daemon["trouble"].partition("; ")
        yield fault("daemon", what, way_out or "make room on its disk, or see who has it locked")


def _python() -> Finding:
    words = f"Python {platform.python_version()} at {sys.executable}"
    return (
        ok("python", words) if sys.version_info >= (3, 11) else fault("python", words, "install Python 3.11 or newer")
    )


def _packages() -> Iterator[Finding]:
    try:
        wanted = metadata.requires(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        yield warning("packages", f"{_DISTRIBUTION} is not installed in this Python, only found", "pip install it")
        return
    good = []
    for each in wanted:
        if "extra ==" in each:
            continue
        named = _REQUIREMENT.match(each)
        assert named is not None
        name, least = named[1], named[2] or "0"
        try:
            there = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield fault("packages", f"{name} is missing", f"{sys.executable} -m pip install '{each}'")
            continue
        if _numbers(there) < _numbers(least):
            yield fault("packages", f"{name} {there} is too old", f"{sys.executable} -m pip install '{each}'")
        else:
            good.append(f"{name} {there}")
    yield ok("packages", ", ".join(good))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", version)[:3])
