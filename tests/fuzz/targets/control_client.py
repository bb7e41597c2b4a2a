"""The stream of a daemon to its client."""

from __future__ import annotations

from anacostia_daemon.control.messages import ToClient
from node_sdk.wire.codec import MAX_MESSAGE
from tests.fuzz.samples import check_stream, framed

SEEDS = framed(ToClient)


def check(data: bytes) -> None:
    check_stream(data, MAX_MESSAGE, ToClient)
