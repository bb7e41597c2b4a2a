"""The short way of `status` and the whole one are the same to whoever types; only the time they take differs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
from answering_daemon import AnsweringDaemon, node, pipeline, short_home, status

from anacostia_daemon.control import glance
from anacostia_daemon.control.server import Conversation
from anacostia_daemon.ctl import exits, quick
from anacostia_daemon.ctl.__main__ import main
from anacostia_daemon.paths import Home

LATER = "2126-11-23T11:00:00.000Z"  # in the future: it is '0s' ago whenever the test looks

linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is only the whole way")


def quiet(name: str, **changes: Any) -> dict[str, Any]:
    return node(name, **{"started_at": LATER, "ready_at": LATER, **changes})


def told(home: Home, *pipelines: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = status(*pipelines)
    return {**answer, **more, "daemon": {**answer["daemon"], "home": str(home.path), "started_at": LATER}}


END = {"reason": "killed by SIGKILL", "exit_code": None, "signal": 9, "at": LATER}
WELL = pipeline("digits", quiet("store", kind="metadata_store"), quiet("träin\n"))
BAD = pipeline("bad", quiet("train", phase="failed", pid=None, last_end=END, log=None), phase="failed")
STOPPED = pipeline("old", quiet("train", phase="down", desired="down", pid=None), desired="down", phase="down")
WAITING = {"name": "later", "file": "/srv/later.py", "reason": "its file is not there"}


def in_status(args: dict[str, Any], conversation: Conversation, home: Home) -> None:
    """As the daemon answers, which knows three pipelines."""
    known = {each["name"]: each for each in (WELL, BAD, STOPPED)}
    named = args.get("pipeline")
    if named is None:
        conversation.result(told(home, *known.values(), not_started=[WAITING]))
    elif named in known:
        conversation.result(told(home, known[named], not_started=[]))
    else:
        conversation.error("unknown", f"cannot show the status of '{named}': no such pipeline")


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    with short_home() as made:
        monkeypatch.setenv("ANACOSTIA_HOME", str(made.path))
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(made.socket_dir.parent.parent))
        made.prepare()
        yield made


@pytest.fixture
def daemon(home: Home) -> Iterator[AnsweringDaemon]:
    running = AnsweringDaemon(home)
    running.answers["status"] = lambda args, conversation: in_status(args, conversation, home)
    yield running
    running.stop()


def typed(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = main(words)
    said = capsys.readouterr()
    return code, said.out, said.err


SHORT = [
    ["status"],
    ["status", "digits"],
    ["status", "bad"],
    ["status", "old"],
    ["status", "--json"],
    ["status", "--json", "--json"],
    ["status", "--json", "digits"],
    ["status", "old", "--json"],
]
WHOLE = [
    [],
    ["--help"],
    ["--version"],
    ["statu"],
    ["status", "--help"],
    ["status", "-h"],
    ["status", "--jso"],
    ["status", "--json=1"],
    ["status", "--wrong"],
    ["status", "nobody"],
    ["status", "nobody", "--json"],
    ["status", "digits", "bad"],
    ["status", "digits/train"],
    ["status", ""],
    ["status", "--", "digits"],
    ["status", "--", "--json"],
    ["status", "--interval", "0"],
    ["status", "--watch", "extra", "words"],
    ["status", "\udcff"],
    ["--home"],
    ["--home", "status"],
    ["--home", "/nowhere", "status"],
    ["--home", "", "status", "digits"],
    ["--json", "status"],
    ["graph", "status"],
]


@pytest.mark.parametrize("words", SHORT + WHOLE, ids=" ".join)
def test_both_ways_print_the_same_and_end_with_the_same_code(
    daemon: AnsweringDaemon, words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_itself = typed(words, capsys)
    monkeypatch.setattr(quick, "attempt", lambda words: None)
    assert by_itself == typed(words, capsys)


@linux
@pytest.mark.parametrize("words", SHORT, ids=" ".join)
def test_a_plain_status_goes_the_short_way(
    daemon: AnsweringDaemon, home: Home, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert quick.attempt(words) in (exits.OK, exits.NOT_RUNNING)
    assert quick.attempt(["--home", str(home.path), *words]) in (exits.OK, exits.NOT_RUNNING)
    assert len(daemon.asked) == 2 and capsys.readouterr().out


@pytest.mark.parametrize("words", WHOLE, ids=" ".join)
def test_all_else_goes_the_whole_way_and_the_short_one_says_nothing(
    daemon: AnsweringDaemon, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert quick.attempt(words) is None
    assert capsys.readouterr() == ("", "")


@linux
@pytest.mark.parametrize(
    "environ",
    [
        {"ANACOSTIA_HOME": "/srv/../srv/a"},
        {"ANACOSTIA_HOME": "~/a", "STATE_DIRECTORY": "/srv/b"},
        {"STATE_DIRECTORY": "/srv/b:/srv/c"},
        {"XDG_STATE_HOME": "/srv/state", "HOME": "/srv/me"},
        {"HOME": "/srv/me"},
        {"HOME": "/srv/me", "ANACOSTIA_HOME": "relative"},
    ],
    ids=str,
)
def test_both_ways_mean_the_same_home(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANACOSTIA_HOME", "STATE_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert quick.home_of("", os.environ) == str(Home.find().path)
    assert quick.home_of("/srv/named", os.environ) == str(Home.find("/srv/named").path)


def test_a_home_that_takes_more_thought_goes_the_whole_way() -> None:
    for environ in ({}, {"HOME": ""}, {"HOME": "here"}, {"XDG_STATE_HOME": "here", "HOME": "/srv/me"}):
        assert quick.home_of("", environ) == ""


def test_a_copied_home_whose_note_leads_to_another_daemon_is_not_believed(
    daemon: AnsweringDaemon, home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sockets").write_text((home.path / "sockets").read_text())
    assert quick.attempt(["--home", str(tmp_path), "status"]) is None
    assert capsys.readouterr().out == ""


def test_a_shell_that_completes_words_gets_them(
    daemon: AnsweringDaemon, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert quick.attempt(["status"], {"ANACOSTIA_HOME": str(home.path), quick.COMPLETING: "bash_complete"}) is None
    assert capsys.readouterr().out == ""


@linux
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00\x00",
        b"\x00\x00\x00\x05abc",
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x03abc",
        b"\x00\x00\x00\x01\xc1",
        (lambda data: len(data).to_bytes(4, "big") + data)(msgpack.packb({"@": "ControlError", "value": {}})),
        (lambda data: len(data).to_bytes(4, "big") + data)(msgpack.packb({"@": "ControlResult"})),
    ],
    ids=repr,
)
def test_whatever_is_no_answer_is_none(home: Home, answer: bytes) -> None:
    import socket
    import threading

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(home.control_socket))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        assert glance.glance(str(home.path), "status", {}) is None
        thread.join()


@linux
def test_a_daemon_that_says_nothing_is_left_to_the_patience_of_the_whole_way(
    daemon: AnsweringDaemon, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glance, "PATIENCE", 0.05)
    daemon.answers["status"] = lambda args, conversation: None
    assert glance.glance(str(home.path), "status", {}) is None
    assert daemon.asked
