"""Who is let to the control socket beside its user: one group, where that can be, and a reason where it cannot."""

from __future__ import annotations

import grp
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from answering_daemon import AnsweringDaemon, short_home

from anacostia_daemon.control import server
from anacostia_daemon.control.client import Client, DaemonDenied
from anacostia_daemon.control.door import CannotOpen, open_to
from anacostia_daemon.control.server import listen
from anacostia_daemon.paths import Home
from node_sdk.osprocess import LINUX, peer_groups

OURS = grp.getgrgid(os.getegid()).gr_name


@pytest.fixture
def home() -> Iterator[Home]:
    """With a directory for its sockets that can be got to."""
    with short_home() as made:
        made.prepare()
        for each in (*made.socket_dir.parents, made.socket_dir):
            if each.is_relative_to("/tmp") and each != Path("/tmp"):
                each.chmod(0o755)
        yield made


@pytest.fixture
def path(home: Home) -> Iterator[Path]:
    """Of a socket that listens there."""
    with listen(home.control_socket):
        yield home.control_socket


def test_the_group_may_connect_and_nobody_may_look_around(path: Path) -> None:
    gid = open_to(OURS, path)

    assert gid == os.getegid()
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o710


def test_a_group_that_is_gone_is_named(path: Path) -> None:
    with pytest.raises(CannotOpen, match="this machine has no such group"):
        open_to("no-such-group", path)


def test_a_place_that_only_the_user_may_enter_is_named(path: Path) -> None:
    closed = path.parents[2]
    closed.chmod(0o700)

    with pytest.raises(CannotOpen, match=f"only its user may enter {closed}; name another place .* `sockets`"):
        open_to(OURS, path)


@pytest.mark.skipif(not LINUX, reason="needs Linux")
def test_the_kernel_says_which_groups_a_peer_has() -> None:
    here, there = socket.socketpair(socket.AF_UNIX)
    with here, there:
        assert peer_groups(here) == {os.getegid(), *os.getgroups()}


@pytest.mark.skipif(not LINUX, reason="needs Linux")
@pytest.mark.parametrize("member", [True, False])
def test_a_member_of_the_group_is_answered_and_another_user_is_not(
    home: Home, monkeypatch: pytest.MonkeyPatch, member: bool
) -> None:
    monkeypatch.setattr(server, "allowed", lambda uid: False)
    if not member:
        monkeypatch.setattr(server, "peer_groups", lambda sock: {os.getegid() + 4711})
    daemon = AnsweringDaemon(home, OURS)
    daemon.answers["version"] = 1
    try:
        with Client(home) as client:
            if member:
                assert client.request("version") == 1
            else:
                with pytest.raises(DaemonDenied, match="cannot let you in"):
                    client.request("version")
    finally:
        daemon.stop()
    assert bool(daemon.asked) == member
