"""What nodes say to the daemon."""

from __future__ import annotations

from node_sdk.wire.link import NodeMessage
from tests.fuzz.samples import check_message, seeds

SEEDS = seeds(NodeMessage)


def check(data: bytes) -> None:
    check_message(data, NodeMessage)
