"""A graph as JSON text, as the journal keeps it and a program may give it."""

from __future__ import annotations

from node_sdk.errors import BadMessage
from node_sdk.graph import GraphSpec
from tests.fuzz.samples import graph

SEEDS = [graph().to_json().encode(), b"", b"{", b"[" * 100_000]


def check(data: bytes) -> None:
    try:
        found = GraphSpec.from_json(data.decode(errors="surrogateescape"))
    except BadMessage:
        return
    assert GraphSpec.from_json(found.to_json()).to_json() == found.to_json()
