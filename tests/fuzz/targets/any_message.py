"""Messages of all kinds, where any is expected: none is read as another."""

from __future__ import annotations

import node_sdk.runtime.launch
import node_sdk.wire.link
import node_sdk.wire.loader
import node_sdk.wire.signals
import node_sdk.wire.store  # noqa: F401
from node_sdk.wire.codec import Message
from tests.fuzz.samples import check_message, seeds

SEEDS = seeds(Message)


def check(data: bytes) -> None:
    check_message(data, Message)
