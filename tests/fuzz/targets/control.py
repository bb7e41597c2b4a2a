"""The stream of a client to the daemon."""

from __future__ import annotations

from anacostia_daemon.control.messages import MAX_REQUEST, ToDaemon
from tests.fuzz.samples import check_stream, framed

SEEDS = framed(ToDaemon)


def check(data: bytes) -> None:
    check_stream(data, MAX_REQUEST, ToDaemon)
