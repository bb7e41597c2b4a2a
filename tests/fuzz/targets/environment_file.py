"""A file of NAME=value lines: read, or refused without showing what stands in it."""

from __future__ import annotations

from anacostia_daemon.config.environment_file import parse

SEEDS = [b"A=1\nexport B='x y'  # why\n", b'C="a \\" b"\nD=e\\ f\'g\'"h"\n']


def check(data: bytes) -> None:
    try:
        found = parse(data.decode(errors="replace"))
    except ValueError as error:
        assert "is no NAME=value" in str(error)
        return
    assert all(name.isidentifier() and "\0" not in value for name, value in found.items())
