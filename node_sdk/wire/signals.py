"""Node to node: the signal along an edge, and the word that it arrived (law 1: a signal is only a wake-up)."""

from __future__ import annotations

from dataclasses import dataclass

from node_sdk.wire.codec import Message


@dataclass(frozen=True, slots=True)
class Signal(Message):
    """`source` is done with `run_id`, and the receiver's task of that run is due.

    `seq` numbers the signals of one sender process; the sender repeats it until it is taken. `attempt` is the one by
    which `source` is done, where that is what the signal is about; else 0.
    """

    seq: int
    run_id: int
    source: str
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class SignalTaken(Message):
    """The receiver has signal `seq`; it need not be sent again."""

    seq: int
