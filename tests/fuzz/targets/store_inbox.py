"""What anybody says to a metadata store, and what the store does with it: each request is answered, in bytes."""

from __future__ import annotations

import itertools
import logging

from node_sdk.errors import BadMessage
from node_sdk.metadata.ledger import Ledger
from node_sdk.metadata.memory import MemoryMetadataStore
from node_sdk.wire.codec import decode, encode
from node_sdk.wire.store import OPERATOR, Hello, Operation, StoreRequest
from tests.fuzz.samples import check_message, graph, messages, seeds

SEEDS = seeds(StoreRequest) + [
    encode(StoreRequest(1, who, 1, each)) for each in messages(Operation) for who in ("files", "train", OPERATOR)
]
_RENEWED = 200  # requests after which a ledger begins anew, so that none grows large

logging.getLogger("anacostia.store").disabled = True


def _ledgers() -> itertools.chain[Ledger]:
    return itertools.chain.from_iterable(itertools.repeat(_ledger(), _RENEWED) for _ in itertools.count())


def _ledger() -> Ledger:
    ledger = Ledger(MemoryMetadataStore(), graph(), clock=lambda: 1.0)
    ledger.prepare()
    ledger.answer([StoreRequest(0, node, 1, Hello()) for node in ("store", "files", "train")])
    return ledger


_LEDGERS = _ledgers()


def check(data: bytes) -> None:
    check_message(data, StoreRequest)
    try:
        request = decode(data, StoreRequest)
    except BadMessage:
        return
    (reply,) = next(_LEDGERS).answer([request]).replies
    assert reply.seq == request.seq
    encode(reply)
