"""The directory of the sockets: path length, owner, and a socket that was left behind."""

from __future__ import annotations

import grp
import os
import socket
import stat
from collections.abc import Iterator

from anacostia_daemon.control.door import CONNECT, ENTER
from anacostia_daemon.doctor.finding import Finding, fault, ok, warning
from anacostia_daemon.paths import Home
from node_sdk.names import MAX_SOCKET_PATH

_NAMES = 32  # bytes that names of a pipeline and a node want, as a rule


def check(home: Home) -> Iterator[Finding]:
    """Whether a daemon can have its sockets there."""
    length = len(os.fsencode(home.socket_dir))
    left = MAX_SOCKET_PATH - length - len("//.sock")
    if len(os.fsencode(home.control_socket)) > MAX_SOCKET_PATH:
        yield fault("sockets", f"{home.control_socket}: the path is too long for a socket", _SHORTER)
    elif left < _NAMES:
        yield warning(
            "sockets", f"{home.socket_dir} leaves {left} bytes for the names of a pipeline and a node", _SHORTER
        )
    else:
        yield ok("sockets", f"{home.socket_dir} leaves {left} bytes for the names of a pipeline and a node")
    if home.socket_dir.is_dir():
        yield from _directory(home)


_SHORTER = "set XDG_RUNTIME_DIR to a shorter directory (then start the daemon anew)"


def _directory(home: Home) -> Iterator[Finding]:
    found = home.socket_dir.stat()
    if os.getuid() not in (0, found.st_uid):
        yield fault("sockets", f"{home.socket_dir} belongs to user {found.st_uid}", "work as that user")
        return
    if stat.S_IMODE(found.st_mode) == ENTER and stat.S_IMODE(home.control_socket.stat().st_mode) == CONNECT:
        yield ok("sockets", f"members of {_group(found.st_gid)} may control the daemon, as configured")
    elif stat.S_IMODE(found.st_mode) & 0o077:
        yield warning("sockets", f"others may enter {home.socket_dir}", f"chmod 700 {home.socket_dir}")
    if home.control_socket.exists() and not _somebody_listens(home):
        yield warning(
            "sockets",
            f"{home.control_socket} was left behind by a daemon that was killed",
            "nothing; the next daemon takes its place, and its nodes over",
        )


def _group(gid: int) -> str:
    try:
        return f"group '{grp.getgrgid(gid).gr_name}'"
    except KeyError:
        return f"group {gid}"


def _somebody_listens(home: Home) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(2.0)
        try:
            sock.connect(os.fspath(home.control_socket))
        except ConnectionRefusedError:
            return False
        except OSError:
            return True
    return True
