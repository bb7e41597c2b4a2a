"""The lock beside a loader's socket: one holder, whatever happens to its file."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from node_sdk.runtime import door


def test_a_lock_whose_file_was_removed_meanwhile_is_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, real, calls = tmp_path / "loader.lock", fcntl.flock, []

    def after_its_holder_has_removed_it(descriptor: int, how: int) -> None:
        real(descriptor, how)
        calls.append(descriptor)
        if len(calls) == 1:
            path.unlink()

    monkeypatch.setattr(fcntl, "flock", after_its_holder_has_removed_it)
    lock = door._locked(path)
    assert len(calls) == 2
    assert os.path.samestat(os.fstat(lock), path.stat())
    os.close(lock)
