"""Ignores SIGTERM, so that asking it to stop is no use."""

import signal

from bad_turn import BadTurn


class Rogue(BadTurn):
    stop_timeout = 0.5

    def setup(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def misbehave(self) -> None:
        pass
