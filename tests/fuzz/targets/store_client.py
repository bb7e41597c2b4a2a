"""What a metadata store says to a node."""

from __future__ import annotations

from node_sdk.wire.store import StoreReply
from tests.fuzz.samples import check_message, seeds

SEEDS = seeds(StoreReply)


def check(data: bytes) -> None:
    check_message(data, StoreReply)
