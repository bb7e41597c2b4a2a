"""The stream of a loader to the daemon, graphs included."""

from __future__ import annotations

from node_sdk.wire.codec import MAX_MESSAGE
from node_sdk.wire.loader import FromLoader
from tests.fuzz.samples import check_stream, framed

SEEDS = framed(FromLoader)


def check(data: bytes) -> None:
    check_stream(data, MAX_MESSAGE, FromLoader)
