"""Where a daemon keeps its things, and what it says where it cannot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anacostia_daemon.paths import MAX_SOCKET_PATH, BadPath, Home, check_socket_path, private_directory


def test_an_explicit_home_wins_over_the_environment(tmp_path: Path) -> None:
    environment = {"ANACOSTIA_HOME": str(tmp_path / "b"), "STATE_DIRECTORY": str(tmp_path / "c")}

    assert Home.find(tmp_path / "a", environment).path == tmp_path / "a"
    assert Home.find(None, environment).path == tmp_path / "b"
    assert Home.find(None, {"STATE_DIRECTORY": f"{tmp_path / 'c'}:{tmp_path / 'd'}"}).path == tmp_path / "c"


def test_without_any_wish_the_home_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))

    assert Home.find(None, {}).path.name == "anacostia"


def test_two_homes_never_share_their_sockets(tmp_path: Path) -> None:
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}

    one, two = Home(tmp_path / "a", environment), Home(tmp_path / "b", environment)

    assert one.socket_dir.parent == two.socket_dir.parent == tmp_path / "anacostia"
    assert one.socket_dir != two.socket_dir
    assert len(one.socket_dir.name) == 8


def test_a_home_reached_through_a_link_is_the_same_home(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    assert Home(tmp_path / "link").hash == Home(tmp_path / "real").hash


def test_the_sockets_stay_where_the_last_daemon_put_them_while_that_is_there(tmp_path: Path) -> None:
    service = Home(tmp_path / "home", {"RUNTIME_DIRECTORY": str(tmp_path / "run")})
    service.prepare()
    login = Home(tmp_path / "home", {"XDG_RUNTIME_DIR": str(tmp_path / "session")})

    assert login.socket_dir == service.socket_dir
    service.socket_dir.rmdir()
    login = Home(tmp_path / "home", {"XDG_RUNTIME_DIR": str(tmp_path / "session")})
    assert login.socket_dir.parent == tmp_path / "session" / "anacostia"


def test_all_directories_are_for_their_owner_alone(tmp_path: Path, short: Path) -> None:
    home = Home(tmp_path / "home", {"XDG_RUNTIME_DIR": str(short)})
    (tmp_path / "home").mkdir(mode=0o755)

    home.prepare()
    home.prepare_pipeline("digits")

    for path in (home.path, home.data_dir, home.socket_dir, home.socket_dir.parent, home.socket_dir / "digits"):
        assert path.stat().st_mode & 0o777 == 0o700, path


def test_a_directory_of_somebody_else_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4242)

    with pytest.raises(BadPath, match=r"it belongs to user \d+, not to you \(4242\).*XDG_RUNTIME_DIR"):
        private_directory(tmp_path)


def test_a_directory_that_everybody_shares_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)

    with pytest.raises(BadPath, match="shared by all users"):
        private_directory(tmp_path)


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")

    with pytest.raises(BadPath, match=f"cannot use directory {tmp_path}/home"):
        Home(tmp_path / "home").prepare()


def test_a_socket_path_that_is_too_long_names_the_way_out(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", {"XDG_RUNTIME_DIR": str(tmp_path / ("x" * 100))})

    with pytest.raises(BadPath, match=f"at most {MAX_SOCKET_PATH} are possible; set XDG_RUNTIME_DIR.*ANACOSTIA_HOME"):
        home.prepare()
    check_socket_path(Path("/" + "x" * (MAX_SOCKET_PATH - 1)))
    with pytest.raises(BadPath):
        check_socket_path(Path("/" + "x" * MAX_SOCKET_PATH))


def test_only_socket_directories_that_hold_nothing_are_tidied_away(tmp_path: Path, short: Path) -> None:
    home = Home(tmp_path / "home", {"XDG_RUNTIME_DIR": str(short)})
    home.prepare()
    for pipeline in ("stopped", "running"):
        home.prepare_pipeline(pipeline)
    home.inbox("running", "train").touch()

    home.tidy()
    assert [each.name for each in home.socket_dir.iterdir()] == ["running"]
    home.inbox("running", "train").unlink()
    home.tidy()
    assert not home.socket_dir.exists()
