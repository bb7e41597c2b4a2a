"""Closes every descriptor that it did not open, as old daemon recipes do: its sockets are among them."""

import os

from bad_turn import BadTurn


class Rogue(BadTurn):
    heartbeat_timeout = 1.0

    def misbehave(self) -> None:
        os.closerange(3, 4096)
