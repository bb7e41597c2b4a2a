"""What a store's answer to Hello holds, which is a message inside of a message."""

from __future__ import annotations

from node_sdk.errors import BadMessage
from node_sdk.wire.codec import decode, encode, from_map, to_map
from node_sdk.wire.store import Due, StoreReply, Welcome
from tests.fuzz.samples import messages

SEEDS = [encode(StoreReply(1, to_map(each))) for kind in (Welcome, Due) for each in messages(kind)]


def check(data: bytes) -> None:
    try:
        welcome = from_map(decode(data, StoreReply).value, Welcome, Due)
    except BadMessage:
        return
    assert encode(from_map(to_map(welcome), Welcome, Due)) == encode(welcome)
