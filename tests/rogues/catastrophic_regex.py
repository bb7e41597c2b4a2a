"""Matches a pattern that takes longer than the universe will last, in C, with the interpreter locked."""

import re

from bad_turn import BadTurn


class Rogue(BadTurn):
    heartbeat_timeout = 1.0

    def misbehave(self) -> None:
        re.match(r"(a+)+$", "a" * 64 + "!")
