"""Lets the members of one group to the control socket, where the configuration names it, and to no other socket.

Whoever gets in can do what the daemon's user can: a command starts files as that user. So nothing here is open unless
it was asked for, and the kernel says who is a member (control/server.py).
"""

from __future__ import annotations

import grp
import os
import stat
from pathlib import Path

from node_sdk.errors import AnacostiaError
from node_sdk.osprocess import LINUX

_PASS = 0o711  # of the directory of all sockets: to be gone through, not to be looked into
ENTER = 0o710  # of this daemon's: by the group alone
CONNECT = 0o660


class CannotOpen(AnacostiaError):
    """The group cannot be let in; the message says why and what to do."""


def open_to(group: str, control_socket: Path) -> int:
    """Let the members of `group` connect to this socket; the id of the group. CannotOpen where that cannot be."""
    if not LINUX:
        raise CannotOpen(f"cannot let group '{group}' control this daemon: only Linux says which groups a peer is in")
    try:
        gid = grp.getgrnam(group).gr_gid
    except KeyError:
        raise CannotOpen(f"cannot let group '{group}' control this daemon: this machine has no such group") from None
    directory = control_socket.parent
    try:
        for path, mode in ((directory, ENTER), (control_socket, CONNECT)):
            os.chown(path, -1, gid)
            path.chmod(mode)
        if directory.parent.stat().st_uid == os.geteuid() and not directory.parent.stat().st_mode & stat.S_ISVTX:
            directory.parent.chmod(_PASS)
    except PermissionError:
        raise CannotOpen(
            f"cannot let group '{group}' control this daemon: its user is not in that group; "
            f"`usermod -aG {group} {_user()}`, then start it anew"
        ) from None
    closed = next((each for each in control_socket.parents if not _leads_on(each, gid)), None)
    if closed is not None:
        raise CannotOpen(
            f"cannot let group '{group}' control this daemon: only its user may enter {closed}; name another place in "
            "the configuration, as `sockets` in [daemon]"
        )
    return gid


def _leads_on(path: Path, gid: int) -> bool:
    found = path.stat()
    return bool(found.st_mode & (stat.S_IXGRP if found.st_gid == gid else stat.S_IXOTH))


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a user without a name, as in many containers
        return str(os.geteuid())
