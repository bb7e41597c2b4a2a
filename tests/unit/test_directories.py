"""A directory that somebody else has prepared, or could replace, is refused in words; our own is closed to others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anacostia_daemon.directories import BadPath, check_way, private_directory
from anacostia_daemon.paths import Home

NOBODY = 65534

# What is tested is where others can get to, and the folders that pytest makes are closed: `short` is opened for that.


@pytest.fixture
def place(short: Path) -> Path:
    short.chmod(0o755)
    return short


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: gives files to somebody else")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_whatever_the_umask_the_last_directory_is_private_and_none_above_it_is_open(place: Path) -> None:
    before = os.umask(0)
    try:
        private_directory(place / "a" / "b" / "home")
    finally:
        os.umask(before)
    assert mode(place / "a" / "b" / "home") == 0o700
    assert mode(place / "a") == mode(place / "a" / "b") == 0o755


@pytest.mark.parametrize("open_to", [0o777, 0o757])
def test_a_directory_above_that_others_may_write_to_is_refused(place: Path, open_to: int) -> None:
    above = place / "above"
    above.mkdir()
    above.chmod(open_to)
    with pytest.raises(BadPath, match=rf"others may write to {above} above it \(mode {open_to:04o}\).*chmod go-w"):
        private_directory(above / "home")
    assert not (above / "home").exists()
    above.chmod(0o1777)  # as /tmp: nobody can rename what is not theirs
    private_directory(above / "home")


@as_root
@pytest.mark.parametrize(("group", "refused"), [(NOBODY, True), (0, False)])
def test_a_group_that_may_write_above_counts_unless_it_is_the_users_own(place: Path, group: int, refused: bool) -> None:
    above = place / "above"
    above.mkdir()
    os.chown(above, 0, group)
    above.chmod(0o775)
    if refused:
        with pytest.raises(BadPath, match="others may write to"):
            private_directory(above / "home")
    else:
        private_directory(above / "home")


@as_root
def test_a_directory_above_that_is_another_users_is_refused_but_by_root(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "theirs").mkdir(mode=0o755)
    os.chown(place / "theirs", 4242, 4242)
    check_way(place / "theirs" / "home")  # root may work where a container has mounted something
    monkeypatch.setattr(os, "getuid", lambda: NOBODY)
    with pytest.raises(BadPath, match=f"{place}/theirs above it belongs to user 4242, who could put another in its"):
        check_way(place / "theirs" / "home")


def test_a_home_that_others_may_write_to_and_that_holds_something_is_refused(place: Path) -> None:
    home = place / "home"
    home.mkdir()
    home.chmod(0o777)
    (home / "daemon.log").symlink_to(place / "victim")
    with pytest.raises(BadPath, match=r"others may write to it \(mode 0777\), so what is in it may be theirs"):
        Home(home).make()
    assert mode(home) == 0o777
    (home / "daemon.log").unlink()
    Home(home).make()
    assert mode(home) == 0o700


def test_what_lies_in_a_closed_directory_of_ours_is_only_closed_as_well(place: Path) -> None:
    """Nobody else gets there: an older release may have made it with a permissive umask."""
    (place / "home" / "pipelines" / "digits").mkdir(parents=True)
    for each in ("pipelines/digits", "pipelines"):
        (place / "home" / each).chmod(0o777)
    (place / "home").chmod(0o700)
    private_directory(place / "home" / "pipelines")
    private_directory(place / "home" / "pipelines" / "digits")
    assert mode(place / "home" / "pipelines") == mode(place / "home" / "pipelines" / "digits") == 0o700


@as_root
def test_a_home_behind_a_link_of_somebody_else_is_refused_and_behind_ones_own_is_not(place: Path) -> None:
    (place / "real").mkdir(mode=0o755)
    link = place / "link"
    link.symlink_to(place / "real")
    os.lchown(link, NOBODY, NOBODY)
    for home in (link, link / "below"):
        with pytest.raises(BadPath, match=f"{link} is a link that user {NOBODY} has made"):
            Home(home).make()
    assert mode(place / "real") == 0o755 and not (place / "real" / "below").exists()
    os.lchown(link, 0, 0)
    Home(link).make()
    assert mode(place / "real") == 0o700


@as_root
@pytest.mark.parametrize("planted", ["run/anacostia", "run/anacostia/HASH", "home/pipelines"])
def test_what_somebody_else_has_planted_where_sockets_and_files_go_is_refused(place: Path, planted: str) -> None:
    (place / "run").mkdir()
    home = Home(place / "home", {"XDG_RUNTIME_DIR": str(place / "run")})
    planted_at = place / planted.replace("HASH", home.hash)
    for link in (False, True):
        planted_at.parent.mkdir(parents=True, exist_ok=True)
        if link:
            planted_at.rmdir()
            (place / "elsewhere").mkdir()
            planted_at.symlink_to(place / "elsewhere")
        else:
            planted_at.mkdir()
        os.lchown(planted_at, NOBODY, NOBODY)
        with pytest.raises(BadPath, match=f"user {NOBODY}"):
            home.prepare()
    assert not list((place / "elsewhere").iterdir())
