"""What its predecessors, and the store, say to a node."""

from __future__ import annotations

from node_sdk.wire.signals import Signal
from tests.fuzz.samples import check_message, seeds

SEEDS = seeds(Signal)


def check(data: bytes) -> None:
    check_message(data, Signal)
