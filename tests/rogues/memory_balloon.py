"""Grows until no memory is left, under a limit that it has set for itself."""

import resource
from pathlib import Path

from bad_turn import BadTurn

ROOM = 256 << 20  # bytes, beside what it has when it begins


class Rogue(BadTurn):
    def setup(self) -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + ROOM
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    def misbehave(self) -> None:
        balloon = []
        while True:
            balloon.append(bytearray(32 << 20))
