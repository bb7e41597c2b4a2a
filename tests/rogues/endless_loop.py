"""Computes for ever in Python: its other threads get their turns, so it beats, and only a person knows better."""

from bad_turn import BadTurn


class Rogue(BadTurn):
    heartbeat_timeout = 3.0
    stop_timeout = 0.5

    def misbehave(self) -> None:
        number = 0
        while True:
            number += 1
