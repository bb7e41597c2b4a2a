"""Nothing that somebody has put in the place of a file of ours is opened for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from node_sdk.own_files import make_folder, open_own
from node_sdk.runtime.flight import FlightRecorder

APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_text("precious\n")
    return path


def test_a_file_of_ours_is_made_for_us_alone_and_blocks_and_is_not_inherited(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        descriptor = open_own(tmp_path / "log", APPEND)
    finally:
        os.umask(before)
    assert os.fstat(descriptor).st_mode & 0o777 == 0o600
    assert os.get_blocking(descriptor) and not os.get_inheritable(descriptor)
    os.close(descriptor)


def test_a_folder_of_ours_is_for_us_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_folder(tmp_path / "haiku" / "logs")
        make_folder(tmp_path / "haiku" / "logs")
    finally:
        os.umask(before)
    assert [each.stat().st_mode & 0o777 for each in (tmp_path / "haiku", tmp_path / "haiku/logs")] == [0o700, 0o700]


@pytest.mark.parametrize("flags", [APPEND, os.O_RDWR | os.O_CREAT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC])
def test_a_link_is_not_followed_wherever_it_leads(tmp_path: Path, victim: Path, flags: int) -> None:
    link = tmp_path / "log"
    for target in (victim, tmp_path / "not there"):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        with pytest.raises(OSError, match="a symbolic link is there, which is not ours to use; look at it and remove"):
            open_own(link, flags)
    assert victim.read_text() == "precious\n" and not (tmp_path / "not there").exists()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "log")
    for flags in (APPEND, os.O_RDWR | os.O_CREAT):
        with pytest.raises(OSError, match=r"no regular file is there|Is a directory"):
            open_own(tmp_path / "log", flags)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: gives a file to somebody else")
def test_a_file_of_somebody_else_is_refused_though_we_could_write_it(victim: Path) -> None:
    os.chown(victim, 65534, -1)
    with pytest.raises(OSError, match="a file of user 65534 is there"):
        open_own(victim, APPEND)
    assert victim.read_text() == "precious\n"


def test_a_flight_recorder_writes_through_no_link(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "node").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic link"):
        FlightRecorder(tmp_path / "node")
    assert victim.read_text() == "precious\n"
