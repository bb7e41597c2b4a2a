from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from node_sdk.runtime.flight import FlightRecorder, InFlight, read


def test_what_was_begun_survives_the_death_of_the_process(tmp_path: Path) -> None:
    file = tmp_path / "flight" / "train"
    pid = os.fork()
    if pid == 0:
        FlightRecorder(file).begin(3, 17, 2)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    assert read(file) == InFlight(3, 17, 2)


def test_a_cleared_recorder_holds_nothing(tmp_path: Path) -> None:
    recorder = FlightRecorder(tmp_path / "train")
    assert read(tmp_path / "train") is None
    recorder.begin(1, 2, 3)
    recorder.clear()
    assert read(tmp_path / "train") is None


def test_a_task_that_took_too_long_is_told_from_one_that_crashed(tmp_path: Path) -> None:
    recorder = FlightRecorder(tmp_path / "train")
    recorder.begin(1, 2, 3)
    recorder.time_out()
    assert read(tmp_path / "train") == InFlight(1, 2, 3, timed_out=True)
    recorder.begin(1, 2, 4)
    assert read(tmp_path / "train") == InFlight(1, 2, 4)


def test_opening_a_recorder_keeps_what_it_says(tmp_path: Path) -> None:
    FlightRecorder(tmp_path / "train").begin(1, 2, 3)
    FlightRecorder(tmp_path / "train")
    assert read(tmp_path / "train") == InFlight(1, 2, 3)


def test_a_recorder_that_was_cut_short_is_made_whole(tmp_path: Path) -> None:
    (tmp_path / "train").write_bytes(b"ANAC")
    recorder = FlightRecorder(tmp_path / "train")
    recorder.begin(1, 2, 3)
    assert read(tmp_path / "train") == InFlight(1, 2, 3)


@pytest.mark.parametrize("content", [b"", b"short", b"\0" * 36, b"x" * 5000, bytes(range(36))])
def test_a_torn_or_foreign_file_says_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "train").write_bytes(content)
    assert read(tmp_path / "train") is None


def test_every_torn_record_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "train"
    FlightRecorder(file).begin(1, 2, 3)
    whole = file.read_bytes()
    for at in range(len(whole)):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        assert read(file) is None, at


def test_a_recorder_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert read(tmp_path / "nowhere") is None
