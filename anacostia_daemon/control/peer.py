"""Who is at the other end of a unix socket. The kernel says so; nothing the peer sends is believed."""

from __future__ import annotations

import os
import socket
import struct
import sys

_UCRED = struct.Struct("3i")  # Linux: pid, uid, gid
_XUCRED = struct.Struct("=IIh2x16I")  # macOS: version, uid, number of groups, groups
_SOL_LOCAL, _LOCAL_PEERCRED = 0, 1


def peer_uid(sock: socket.socket) -> int:
    """The user id of the process that connected `sock`; OSError where the system cannot tell."""
    if sys.platform == "darwin":
        return parse_xucred(sock.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED.size))
    _pid, uid, _gid = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return int(uid)


def parse_xucred(data: bytes) -> int:
    """The user id in macOS' struct xucred; OSError where it is none that we know."""
    if len(data) < _XUCRED.size:
        raise OSError("cannot read the peer's credentials: the system's answer is too short")
    version, uid, *_groups = _XUCRED.unpack(data[: _XUCRED.size])
    if version != 0:
        raise OSError(f"cannot read the peer's credentials: version {version} of struct xucred is not known")
    return int(uid)


def allowed(uid: int) -> bool:
    """Our own user, and root, may control us."""
    return uid in (os.geteuid(), 0)
