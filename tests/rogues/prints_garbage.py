"""Prints bytes that are no text, a very long line, and an unfinished one."""

import os

from bad_turn import BadTurn


class Rogue(BadTurn):
    def misbehave(self) -> None:
        os.write(1, b"\xff\xfe\x00 no text \x80\n")
        os.write(2, b"x" * 100_000)
        print("an unfinished line", end="", flush=True)
