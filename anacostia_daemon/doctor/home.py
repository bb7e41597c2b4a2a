"""The home of the daemon: whose it is, who may enter, and whether there is room."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from anacostia_daemon.doctor.finding import Finding, fault, ok, warning
from anacostia_daemon.paths import Home

_MIB = 1024 * 1024
_LITTLE, _NONE = 1024 * _MIB, 64 * _MIB  # bytes that are free
_FEW_INODES = 1000


def check(home: Home) -> Iterator[Finding]:
    """Of a home that is not there yet, the folder that it would be made in."""
    path = home.path
    refusal, _, way_out = home.refusal().partition("; ")
    if refusal:
        yield fault("home", refusal.removeprefix("cannot use directory "), way_out)
    if not path.exists():
        yield ok("home", f"{path} is not there yet; the first daemon makes it")
        place = next(each for each in path.parents if each.exists())
        if not os.access(place, os.W_OK):
            yield fault("home", f"{place} is not writable for you", "name another home with --home or ANACOSTIA_HOME")
    else:
        yield from _directory(path, refused=bool(refusal))
        place = path
    yield from _room(place)


def _directory(path: Path, refused: bool) -> Iterator[Finding]:
    if not path.is_dir():
        yield fault("home", f"{path} is no directory", "move it away, or name another home with --home")
        return
    found = path.stat()
    if found.st_uid != os.getuid() and os.getuid() != 0:
        whose = f"it belongs to user {found.st_uid}, you are {os.getuid()}"
        yield fault("home", f"{path}: {whose}", "work as that user, or name your own home with --home")
    elif not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield fault("home", f"{path}: you may not write there", f"chmod u+rwx {path}, or mount it writable")
    elif not refused and stat.S_IMODE(found.st_mode) & 0o077:
        mode = f"{stat.S_IMODE(found.st_mode):04o}"
        yield warning("home", f"{path}: others may enter it (mode {mode})", f"chmod 700 {path}; a daemon does so too")
    elif not refused:
        whose = "yours alone" if found.st_uid == os.getuid() else f"user {found.st_uid}'s alone; root may work with it"
        yield ok("home", f"{path} is {whose}")
    for each, owner in _owners(path):
        if owner != found.st_uid:
            advice = f"chown {found.st_uid} {each}; was a daemon run as root?"
            yield warning("home", f"{each} belongs to user {owner}", advice)


def _owners(path: Path) -> Iterator[tuple[Path, int]]:
    for each in path.iterdir():
        with contextlib.suppress(FileNotFoundError):  # a daemon is at work there
            yield each, each.lstat().st_uid


def _room(place: Path) -> Iterator[Finding]:
    system = os.statvfs(place)
    free = system.f_bavail * system.f_frsize
    words = f"{free / _MIB / 1024:.1f} GiB free for {place}"
    if free < _NONE:
        yield fault("disk", words, "make room: nothing can be recorded on a full disk")
    elif free < _LITTLE:
        yield warning("disk", words, "make room before it is full; `du -s` the pipelines and the metadata stores")
    else:
        yield ok("disk", words)
    if system.f_files and system.f_favail < _FEW_INODES:
        yield fault(
            "disk", f"{system.f_favail} files more can be made (inodes)", "remove files: small ones count as well"
        )
