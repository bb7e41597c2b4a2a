"""Ends its process in the middle of a task and calls that a success."""

import os

from bad_turn import BadTurn


class Rogue(BadTurn):
    def misbehave(self) -> None:
        os._exit(0)
