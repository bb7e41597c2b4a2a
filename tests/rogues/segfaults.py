"""Reads address 0, as a broken extension module does."""

import ctypes

from bad_turn import BadTurn


class Rogue(BadTurn):
    def misbehave(self) -> None:
        ctypes.string_at(0)
