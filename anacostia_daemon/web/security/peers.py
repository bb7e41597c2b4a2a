"""Whose program has connected from this machine: without a token, only the daemon's own user's, and root's. The kernel
says it of both ends of a connection on loopback; where there is no /proc, nobody can be asked, and all are let in.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

_REFUSAL = b"cannot answer: this dashboard is another user's; it has no token that would let others in\n"
_ANSWER = (
    b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: "
    + str(len(_REFUSAL)).encode()
    + b"\r\n\r\n"
    + _REFUSAL
)


class OwnUser(H11Protocol):
    """A connection that is refused, in words, where it is another user's."""

    def connection_made(self, transport: Any) -> None:
        """Looked at once, before anything is read."""
        peer, here = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        super().connection_made(transport)
        if not is_trusted(user_of(peer[:2], here[:2])):
            _hang_up(transport)


def _hang_up(transport: asyncio.Transport) -> None:
    transport.pause_reading()
    transport.write(_ANSWER)
    transport.close()


def is_trusted(user: int | None) -> bool:
    """Whether a program of this user may ask. None: nobody knows whose it is."""
    return user in (0, os.geteuid())


def user_of(peer: tuple[str, int], here: tuple[str, int], table: Path | None = None) -> int | None:
    """Who has the other end of the connection; our own user where the system tells nobody's. None: not found."""
    version = "6" if ":" in peer[0] else ""
    table = table or Path(f"/proc/self/net/tcp{version}")
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return os.geteuid()
    wanted = [_written(*peer), _written(*here)]
    for line in lines:
        fields = line.split()
        if fields[1:3] == wanted:
            # What its owner has closed is shown without inode, and as root's.
            return None if fields[9] == "0" else int(fields[7])
    return None


def _written(address: str, port: int) -> str:
    """An end of a connection as /proc writes it: words of 32 bits, as this machine orders their bytes."""
    packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    words = [int.from_bytes(packed[start : start + 4], sys.byteorder) for start in range(0, len(packed), 4)]
    return "".join(f"{word:08X}" for word in words) + f":{port:04X}"
