"""What the service manager (systemd) is told, by the protocol of sd_notify(3). Without NOTIFY_SOCKET nothing is told.

Nothing here ever waits: a service manager that does not read costs the daemon no turn. What could not be sent goes
with the next message.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

_MICRO = 1_000_000


class Notifier:
    """Sends `KEY=value` lines, one datagram per `tell`."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = address(environ.get("NOTIFY_SOCKET", ""))
        self._unsent: dict[str, str] = {}
        self.watchdog = watchdog(environ, os.getpid())
        self._socket: socket.socket | None = None
        if self._address is not None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return self._socket is not None

    def tell(self, **fields: str) -> bool:
        """Send these fields, in this order, after what could not be sent before; False where it has to wait again.

        A newline cannot be sent: it would begin another field.
        """
        if self._socket is None:
            return True
        for key, value in fields.items():
            self._unsent.pop(key, None)
            self._unsent[key] = value.replace("\n", " ")
        if not self._unsent:
            return True
        message = "\n".join(f"{key}={value}" for key, value in self._unsent.items())
        try:
            self._socket.sendto(message.encode(errors="replace"), self._address or "")
        except OSError:
            return False
        self._unsent.clear()
        return True

    def close(self) -> None:
        """Say nothing more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def address(text: str) -> str | None:
    """The address of a unix socket: a path, or `@name` for an abstract one. None for what is neither."""
    if text.startswith("@") and len(text) > 1:
        return "\0" + text[1:]
    return text if text.startswith("/") else None


def watchdog(environ: Mapping[str, str], pid: int) -> float | None:
    """Seconds after which silence kills us; None where nobody watches, or another process is meant."""
    meant = environ.get("WATCHDOG_PID", str(pid))
    given = environ.get("WATCHDOG_USEC", "")
    if meant != str(pid) or not given.isdecimal() or int(given) == 0:
        return None
    return int(given) / _MICRO


def microseconds(seconds: float) -> str:
    """As systemd writes durations."""
    return str(round(seconds * _MICRO))


def reloading(now: float | None = None) -> dict[str, str]:
    """The fields that begin a reload. The time tells systemd which of its requests is meant; monotonic seconds."""
    return {"RELOADING": "1", "MONOTONIC_USEC": microseconds(time.monotonic() if now is None else now)}
