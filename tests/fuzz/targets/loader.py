"""The stream of a daemon, or of a stranger, to a loader."""

from __future__ import annotations

from node_sdk.wire.codec import MAX_MESSAGE
from node_sdk.wire.loader import ToLoader
from tests.fuzz.samples import check_stream, framed

SEEDS = framed(ToLoader)


def check(data: bytes) -> None:
    check_stream(data, MAX_MESSAGE, ToLoader)
