"""What a node says to those that signalled it."""

from __future__ import annotations

from node_sdk.wire.signals import SignalTaken
from tests.fuzz.samples import check_message, seeds

SEEDS = seeds(SignalTaken)


def check(data: bytes) -> None:
    check_message(data, SignalTaken)
