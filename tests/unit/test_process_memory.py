"""Telling the kernel's SIGKILL for want of memory from anybody else's, on a file of counters like the kernel's."""

from __future__ import annotations

from pathlib import Path

from anacostia_daemon.process.memory import OutOfMemory


def counters(path: Path, kills: int) -> Path:
    path.write_text(f"nr_free_pages 17\noom_kill {kills}\nnuma_hit 3\n")
    return path


def test_a_kill_is_reported_once(tmp_path: Path) -> None:
    memory = OutOfMemory(counters(tmp_path / "vmstat", 4))
    assert not memory.happened()
    counters(tmp_path / "vmstat", 5)
    assert memory.happened()
    assert not memory.happened()


def test_without_counters_nobody_can_tell(tmp_path: Path) -> None:
    assert not OutOfMemory(tmp_path / "missing").happened()


def test_the_counters_of_this_machine_can_be_read() -> None:
    assert not OutOfMemory().happened()
