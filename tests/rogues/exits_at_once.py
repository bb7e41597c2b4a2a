"""Ends its process without a word, with an error."""

import os

from bad_turn import BadTurn


class Rogue(BadTurn):
    def misbehave(self) -> None:
        os._exit(3)
