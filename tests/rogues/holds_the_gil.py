"""Sleeps in C with the interpreter locked, as a deadlocked extension module does: no thread of it runs any more."""

import ctypes

from bad_turn import BadTurn


class Rogue(BadTurn):
    heartbeat_timeout = 1.0

    def misbehave(self) -> None:
        ctypes.PyDLL(None).sleep(3600)
