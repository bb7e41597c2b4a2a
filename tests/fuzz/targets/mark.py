"""The mark in the environment of a process, which may be anybody's."""

from __future__ import annotations

from anacostia_daemon.process.marks import Mark, in_environment

SEEDS = [
    b"HOME=/root\0ANACOSTIA_MARK=cafe0001/digits/train/3\0PATH=/bin\0",
    b"ANACOSTIA_MARK=cafe0001/digits/train/" + b"9" * 5000,  # more than int() reads
    "ANACOSTIA_MARK=cafe0001/digits/train/\u00b2".encode(),
    b"ANACOSTIA_MARK=" + b"cafe0001/digits/train/3".ljust(255) + b"\0A=1\0",
]


def check(data: bytes) -> None:
    for text in (in_environment(data), data.decode(errors="replace")):  # elsewhere than on Linux it is any text
        found = None if text is None else Mark.read(text)
        assert found is None or Mark.read(str(found)) == found
