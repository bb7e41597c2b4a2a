"""One question that only reads, asked without what the client needs to name each trouble: no typed messages, no paths.
`anacostiactl status` imports this instead of the client, which takes longer to import than its answer to come.

It gives an answer that is whole and from the daemon that is meant, or None; who is told None asks through the client,
which finds out what is the matter, and says it.
"""

from __future__ import annotations

import _socket  # `socket` makes enumerations of all its constants, 3 ms long
import os
import struct
import sys
import time

import msgpack

from node_sdk.wire.unpack import MAX_MESSAGE, unpacked

TYPE_CHECKING = False  # as `typing` has it, whose import takes 3 ms too
if TYPE_CHECKING:
    from typing import Any

PATIENCE = 1.0  # seconds; a daemon that has not answered by then is asked again, with more patience
_CHUNK = 256 * 1024
_LENGTH = struct.Struct(">I")
_UCRED = struct.Struct("3i")


def glance(home: str, command: str, args: dict[str, Any]) -> Any:
    """What the daemon of `home` (a real path) answers to `command`; None where it is not a plain answer of that one."""
    if sys.platform != "linux":  # elsewhere other calls tell who listens
        return None
    try:
        answer = _exchange(_socket_of(home), {"@": "ControlRequest", "command": command, "args": args})
        return answer["value"] if answer["@"] == "ControlResult" else None
    except Exception:  # noqa: BLE001  (whatever it is, the client will say it better)
        return None


def _socket_of(home: str) -> str:
    """Where the last daemon of this home has noted that its sockets are."""
    with open(os.path.join(home, "sockets")) as note:  # noqa: PTH118, PTH123  (pathlib is what takes long)
        return os.path.join(note.read().strip(), "control.sock")  # noqa: PTH118


def _exchange(path: str, request: dict[str, Any]) -> Any:
    data = msgpack.packb(request)
    deadline = time.monotonic() + PATIENCE
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.settimeout(PATIENCE)
        connection.connect(path)
        _, uid, _ = _UCRED.unpack(connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, _UCRED.size))
        if uid not in (0, os.geteuid()):
            raise PermissionError(path)
        connection.sendall(_LENGTH.pack(len(data)) + data)
        return unpacked(_frame(connection, deadline))
    finally:
        connection.close()


def _frame(connection: _socket.socket, deadline: float) -> bytes:
    """The first frame that comes; OSError where it does not come, ValueError where it is longer than any may be."""
    arrived, length = bytearray(), -1
    while length < 0 or len(arrived) < _LENGTH.size + length:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        data = connection.recv(_CHUNK)
        if not data:
            raise ConnectionResetError
        arrived += data
        if length < 0 and len(arrived) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(arrived)
            if length > MAX_MESSAGE:
                raise ValueError(length)
    return bytes(arrived[_LENGTH.size : _LENGTH.size + length])
