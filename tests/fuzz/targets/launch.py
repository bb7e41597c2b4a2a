"""What a fresh interpreter is told to become."""

from __future__ import annotations

from node_sdk.runtime.launch import Launch
from tests.fuzz.samples import check_message, seeds

SEEDS = seeds(Launch)


def check(data: bytes) -> None:
    check_message(data, Launch)
