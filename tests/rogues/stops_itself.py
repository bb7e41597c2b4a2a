"""Stops its whole process with SIGSTOP: it is there, and does nothing."""

import os
import signal

from bad_turn import BadTurn


class Rogue(BadTurn):
    heartbeat_timeout = 1.0

    def misbehave(self) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)
