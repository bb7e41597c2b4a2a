"""What the daemon says to nodes."""

from __future__ import annotations

from node_sdk.wire.link import DaemonMessage
from tests.fuzz.samples import check_message, seeds

SEEDS = seeds(DaemonMessage)


def check(data: bytes) -> None:
    check_message(data, DaemonMessage)
