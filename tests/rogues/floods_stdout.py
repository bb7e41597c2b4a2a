"""Prints as fast as it can, to both streams, and from a child."""

import os
import subprocess

from bad_turn import BadTurn

MIB = 16  # to each


class Rogue(BadTurn):
    def misbehave(self) -> None:
        line = b"much ado about nothing " * 44 + b"........... \n"
        for _ in range(MIB):
            for stream in (1, 2):
                os.write(stream, line * 1024)
        subprocess.run(["sh", "-c", f"yes 'from a child' | head -c {MIB << 20}"], check=True)
        os.write(1, b"this was all\n")
