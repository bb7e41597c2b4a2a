"""Lets a child of its own take more memory than both together may, and waits for it."""

import subprocess
import sys

from bad_turn import BadTurn

from node_sdk import Limits

LIMIT = 192 << 20  # bytes
HOARD = f"import signal; hoard = bytearray(b'x') * {LIMIT}; signal.pause()"


class Rogue(BadTurn):
    limits = Limits(memory_limit=LIMIT)

    def misbehave(self) -> None:
        subprocess.run([sys.executable, "-S", "-c", HOARD])
