"""Is killed by SIGKILL in the middle of execute(), as by the out-of-memory killer."""

import os
import signal

from bad_turn import BadTurn


class Rogue(BadTurn):
    def misbehave(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
