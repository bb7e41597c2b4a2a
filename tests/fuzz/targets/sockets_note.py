"""The note in a home that says where its sockets are: damaged, it is as good as none."""

from __future__ import annotations

import tempfile
from pathlib import Path

from anacostia_daemon.paths import Home

_ROOT = Path(tempfile.mkdtemp(prefix="fuzz"))
_HOME = _ROOT / "home"
_HOME.mkdir()
_ELSEWHERE = {"XDG_RUNTIME_DIR": "/nowhere"}
_HASH = Home(_HOME, _ELSEWHERE).hash
(_ROOT / _HASH).mkdir()

SEEDS = [f"{_ROOT / _HASH}\n".encode(), f"/nowhere/{_HASH}".encode(), f"{'/long' * 900}/{_HASH}".encode()]


def check(data: bytes) -> None:
    (_HOME / "sockets").write_bytes(data)
    found = Home(_HOME, _ELSEWHERE).socket_dir
    assert found.name == _HASH
    assert found.is_dir() or found.parent == Path("/nowhere/anacostia")
