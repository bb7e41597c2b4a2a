"""Which process is at the other end of a unix socket, as the kernel says."""

from __future__ import annotations

import socket
import struct
import sys

_UCRED = struct.Struct("3i")  # Linux: pid, uid, gid
_SOL_LOCAL, _LOCAL_PEERPID = 0, 2  # macOS


def peer_pid(sock: socket.socket) -> int:
    """The pid of the peer; of a listener, the one that began to listen. OSError where the system cannot tell."""
    if sys.platform == "darwin":
        return sock.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID)
    pid, _, _ = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return int(pid)
