"""Another user of the machine gets nothing out of a home and nothing into it, also where umask or modes let him."""

from __future__ import annotations

import contextlib
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from place import ROOT, Place
from somebody import NOBODY, answer_of, answered, as_nobody, got_into, needs_root

from anacostia_daemon.control.client import Client, DaemonDenied
from anacostia_daemon.control.messages import ControlRequest
from anacostia_daemon.control.server import listen
from anacostia_daemon.paths import Home
from node_sdk.wire.codec import encode
from node_sdk.wire.loader import Attend
from node_sdk.wire.signals import Signal
from node_sdk.wire.store import Hello, StoreRequest

pytestmark = needs_root


@contextlib.contextmanager
def permissive() -> Iterator[None]:
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


@pytest.fixture(scope="module")
def shared() -> Iterator[Place]:
    opened = Place()
    failed = True
    try:
        for each in (opened.root, opened.root / "run"):
            each.chmod(0o755)
        with permissive():
            opened.ctl("start", ROOT / "examples/haiku/pipeline.py", "--", opened.root / "work")
        yield opened
        failed = False
    finally:
        opened.close(failed=failed)


@pytest.fixture
def opened_up(shared: Place) -> Iterator[Place]:
    """The same, after somebody has opened all directories and sockets by mistake."""
    changed = {}
    for each in [shared.root / "run/anacostia", *(shared.root / "run/anacostia").rglob("*")]:
        changed[each] = stat.S_IMODE(each.lstat().st_mode)
        each.chmod(0o777)
    yield shared
    for each, mode in changed.items():
        each.chmod(mode)


def framed(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def test_no_socket_and_no_file_of_a_home_is_within_his_reach_whatever_the_umask(shared: Place) -> None:
    shared.write("work/haikus/1.txt", "an old silent pond")
    shared.run_ended("haiku", 1)
    home, sockets = shared.home.path, shared.home.socket_dir
    paths = [*home.rglob("*"), *sockets.rglob("*")]
    names = {each.name for each in paths}
    assert names > {"journal.db", "daemon.log", "daemon.lock", "sockets", "loader.log", "history", "flight"}
    assert names > {"control.sock", "link.sock", "loader.sock", "metadata_store.sock", "shakespeare_eval.sock"}

    assert as_nobody(lambda: got_into(paths)) == []
    within = [each for each in as_nobody(lambda: got_into([home, sockets, sockets.parent])) if "stat" not in each]
    assert within == []
    open_to_others = [each for each in paths if each.is_dir() and each.stat().st_mode & 0o077]
    assert open_to_others == []


def test_he_is_turned_away_by_name_where_all_modes_are_open(opened_up: Place) -> None:
    home = opened_up.home
    said = as_nobody(
        lambda: [
            answer_of(home.control_socket, framed(encode(ControlRequest("shutdown", {})))),
            answer_of(home.loader_socket("haiku"), framed(encode(Attend()))),
        ]
    )
    assert f"this daemon is user 0's, you are user {NOBODY}" in said[0]
    assert said[1] == ""


def test_no_node_and_no_store_hears_him_where_all_modes_are_open(opened_up: Place) -> None:
    asked = {
        opened_up.home.inbox("haiku", "metadata_store"): encode(StoreRequest(1, "@operator", 0, Hello())),
        opened_up.home.inbox("haiku", "shakespeare_eval"): encode(Signal(1, 1, "haiku_data_store")),
    }
    ours = {path.name: answered(path, message, within=10) for path, message in asked.items()}
    his = as_nobody(lambda: {path.name: answered(path, message) for path, message in asked.items()})
    assert set(ours.values()) == {True} and set(his.values()) == {False}, (ours, his)


def test_who_listens_in_the_place_of_a_daemon_is_told_nothing(tmp_path: Path) -> None:
    """A per-user folder below /tmp can be made by anybody, before the daemon makes it."""
    base = Path(f"/tmp/ae-planted-{os.getpid()}")
    home = Home(tmp_path / "home", {"XDG_RUNTIME_DIR": str(base)})
    home.path.mkdir()
    base.mkdir()
    os.chown(base, NOBODY, NOBODY)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setresuid(NOBODY, NOBODY, NOBODY)
        sock = listen(home.control_socket)
        sock.setblocking(True)
        os.write(writer, b"!")
        os._exit(len(sock.accept()[0].recv(1)))  # 0: nothing was said
    try:
        assert os.read(reader, 1) == b"!"
        with pytest.raises(DaemonDenied, match=f"listens user {NOBODY}, whose home it is not"), Client(home) as client:
            client.request("start", {"env": {"PASSWORD": "secret"}})
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    finally:
        os.close(reader)
        os.close(writer)
        for each in (home.control_socket, home.socket_dir, home.socket_dir.parent, base):
            with contextlib.suppress(OSError):
                each.rmdir() if each.is_dir() else each.unlink()
