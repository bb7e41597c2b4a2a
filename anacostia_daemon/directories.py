"""Which directories may be used: our own, at the end of a way that nobody else can bend. Whoever may write to a
directory, or to one above it, decides what the files and sockets in it are.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from node_sdk.errors import AnacostiaError

_SHARED = Path("/tmp")  # where anybody may have put anything


class BadPath(AnacostiaError):
    """A directory cannot be used, or a socket's path is too long; the message says what to do."""


def private_directory(path: Path) -> None:
    """Make `path` a directory that only we can enter; BadPath where it is somebody else's, or could become so."""
    try:
        reachable = check_way(path)
        _make(path)
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode) and path.parent != _SHARED:
            path = Path(os.path.realpath(path))
            reachable = check_way(path)
            found = path.stat()
    except OSError as error:
        raise BadPath(f"cannot use directory {path}: {error.strerror or error}; {_way_out()}") from error
    if not stat.S_ISDIR(found.st_mode):
        raise BadPath(f"cannot use directory {path}: it is a link or a file; remove it or set XDG_RUNTIME_DIR")
    if found.st_uid != os.getuid():
        raise BadPath(
            f"cannot use directory {path}: it belongs to user {found.st_uid}, not to you ({os.getuid()}); {_way_out()}"
        )
    if found.st_mode & stat.S_ISVTX:
        raise BadPath(f"cannot use directory {path}: it is shared by all users; name a directory below it")
    if reachable:
        _check_content(path, found)
    if found.st_mode & 0o077:
        path.chmod(0o700)


def check_directory(path: Path) -> None:
    """BadPath where `private_directory` would find that somebody else has prepared `path`, which is ours. Changes
    nothing."""
    if check_way(path) and path.is_dir():
        _check_content(path, path.stat())


def _check_content(path: Path, found: os.stat_result) -> None:
    if _others_write(found) and any(path.iterdir()):
        raise BadPath(
            f"cannot use directory {path}: others may write to it (mode {_mode(found)}), so what is in it may be "
            f"theirs; look at it, then `chmod go-w` it, or {_way_out()}"
        )


def check_way(path: Path) -> bool:
    """Whether others can get to `path`; BadPath where they may put another directory, or a link, in the place of one on
    the way."""
    reachable = True
    for each in [*reversed(path.absolute().parents), path.absolute()]:
        try:
            found = each.lstat()
        except OSError:
            break  # what is missing, we make, and learn then what is in the way
        if stat.S_ISLNK(found.st_mode):
            _check_link(path, each, found)
        elif reachable and each != path.absolute():
            _check_above(path, each, found)
            reachable = found.st_uid != os.getuid() or bool(found.st_mode & 0o011)
    return reachable


def _check_link(path: Path, link: Path, found: os.stat_result) -> None:
    if found.st_uid not in (0, os.getuid()):
        raise BadPath(
            f"cannot use directory {path}: {link} is a link that user {found.st_uid} has made; remove it, or "
            f"{_way_out()}"
        )


def _check_above(path: Path, above: Path, found: os.stat_result) -> None:
    if _others_write(found) and not found.st_mode & stat.S_ISVTX:
        raise BadPath(
            f"cannot use directory {path}: others may write to {above} above it (mode {_mode(found)}) and could put "
            f"another in its place; `chmod go-w {above}`, or {_way_out()}"
        )
    # Root may have been told to work in a place of those that it serves (a container's mounts, say).
    if os.getuid() not in (0, found.st_uid) and found.st_uid != 0:
        raise BadPath(
            f"cannot use directory {path}: {above} above it belongs to user {found.st_uid}, who could put another in "
            f"its place; {_way_out()}"
        )


def _make(path: Path) -> None:
    """Whatever the umask: only the last one is closed to others, and none above it is open for their writing."""
    for each in reversed(path.parents):
        if not each.exists():
            each.mkdir(0o755, exist_ok=True)
    path.mkdir(0o700, exist_ok=True)


def _others_write(found: os.stat_result) -> bool:
    by_group = found.st_mode & stat.S_IWGRP and not _is_private(found.st_gid)
    return bool(found.st_mode & stat.S_IWOTH or by_group)


def _is_private(group: int) -> bool:
    """Whether the group is the user's alone, as many systems make one for each (with umask 002)."""
    import grp
    import pwd

    try:
        name, members = grp.getgrgid(group).gr_name, grp.getgrgid(group).gr_mem
        ours = pwd.getpwuid(os.getuid())
    except KeyError:
        return False
    return group == ours.pw_gid and name == ours.pw_name and set(members) <= {ours.pw_name}


def _mode(found: os.stat_result) -> str:
    return f"{stat.S_IMODE(found.st_mode):04o}"


def _way_out() -> str:
    if "INVOCATION_ID" in os.environ and not os.environ.get("RUNTIME_DIRECTORY"):  # set by systemd for each service
        return "have its unit set RuntimeDirectory= (sockets) and StateDirectory= (state), as the installed one does"
    return "set ANACOSTIA_HOME (state) or XDG_RUNTIME_DIR (sockets) to a directory of your own"
