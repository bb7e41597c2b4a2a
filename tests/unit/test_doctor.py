"""`doctor` on homes that are broken in one way each; nothing that it looks at is changed by it."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from answering_daemon import AnsweringDaemon, left_behind, node, pipeline, short_home, status

from anacostia_daemon import __version__
from anacostia_daemon.ctl import exits
from anacostia_daemon.ctl.__main__ import main
from anacostia_daemon.doctor import machine, sockets, versions
from anacostia_daemon.doctor.finding import Finding
from anacostia_daemon.doctor.home import check as home_check
from anacostia_daemon.journal.journal import Journal, PipelineRow
from anacostia_daemon.paths import Home


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    with short_home() as made:
        monkeypatch.setenv("ANACOSTIA_HOME", str(made.path))
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(made.socket_dir.parent.parent))
        yield made


class Doctor:
    """What `doctor --json` finds."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self) -> list[Finding]:
        code = main(["doctor", "--json"])
        findings = [Finding(**each) for each in json.loads(self._capsys.readouterr().out)]
        assert code == (exits.FAILED if any(each.level == "fault" for each in findings) else exits.OK)
        return findings

    def trouble(self, part: str) -> list[str]:
        return [f"{each.level}: {each.finding}" for each in self() if each.part == part and each.level != "ok"]


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    return Doctor(capsys)


def registered(home: Home, **changes: Any) -> None:
    """A journal with pipeline 'digits', whose file is there."""
    home.prepare()
    file = home.path / "digits.py"
    file.write_text("")
    row: dict[str, Any] = {"name": "digits", "file": str(file), "cwd": "/", "python": sys.executable, "created": 1.0}
    journal = Journal(home.journal)
    with journal.turn():
        journal.save_pipeline(PipelineRow(**{**row, **changes}))
    journal.close()


def test_a_home_that_no_daemon_has_used_yet_is_well_and_stays_untouched(home: Home, doctor: Doctor) -> None:
    findings = doctor()
    parts = {each.part for each in findings}
    assert {"home", "disk", "sockets", "python", "packages", "sqlite", "daemon", "journal", "limits", "clock"} <= parts
    assert [each for each in findings if each.level == "fault"] == []
    assert not home.path.exists()


def test_what_it_says_to_people_ends_with_a_sum(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    registered(home, file="/gone.py")
    assert main(["doctor"]) == exits.FAILED
    out = capsys.readouterr().out
    assert "fault    pipeline digits: its file /gone.py is not there: it cannot be started again\n" in out
    assert "put it back, or `anacostiactl remove digits`" in out
    assert out.splitlines()[-1].startswith("1 fault")


def test_a_home_that_others_may_enter(home: Home, doctor: Doctor) -> None:
    home.prepare()
    home.path.chmod(0o755)
    assert doctor.trouble("home") == [f"warning: {home.path}: others may enter it (mode 0755)"]


def test_a_home_that_others_may_write_to_or_replace_as_no_daemon_would_take_it(short: Path) -> None:
    home = Home(short / "home", {"XDG_RUNTIME_DIR": str(short)})
    home.make()
    (home.path / "something").touch()
    for directory, words in ((home.path, "others may write to it"), (short, f"others may write to {short} above it")):
        short.chmod(0o755)
        home.path.chmod(0o700)
        directory.chmod(0o777)
        (found,) = [each for each in home_check(home) if each.part == "home"]
        assert found.level == "fault" and found.finding.startswith(f"{home.path}: {words} (mode 0777)")
        assert directory.stat().st_mode & 0o777 == 0o777


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to another user")
def test_a_home_of_another_user_and_a_file_of_one(home: Home, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    home.prepare()
    (home.path / "daemon.log").touch()
    os.chown(home.path / "daemon.log", 12345, -1)
    assert doctor.trouble("home") == [f"warning: {home.path}/daemon.log belongs to user 12345"]
    os.chown(home.path, 12345, -1)
    assert not [each for each in doctor.trouble("home") if each.startswith("fault")], "root may work with it"
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    assert doctor.trouble("home")[0] == f"fault: {home.path}: it belongs to user 12345, you are 4711"


def test_a_socket_that_was_left_behind(home: Home, doctor: Doctor) -> None:
    home.prepare()
    left_behind(home.control_socket)
    [trouble] = doctor.trouble("sockets")
    assert trouble.startswith(f"warning: {home.control_socket} was left behind")


def test_a_runtime_directory_whose_path_is_too_long_for_sockets(tmp_path: Path) -> None:
    deep = Home(tmp_path, {"XDG_RUNTIME_DIR": "/tmp/" + "d" * 90})
    [found] = list(sockets.check(deep))
    assert found.level == "fault" and "too long for a socket" in found.finding and "XDG_RUNTIME_DIR" in found.advice


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.write_bytes(b"no database at all" * 100), "is damaged: file is not a database"),
        (lambda path: _execute(path, "PRAGMA user_version = 99"), "a newer daemon wrote it (schema 99"),
        (lambda path: _execute(path, "PRAGMA application_id = 7"), "is a database of something else"),
    ],
    ids=["garbage", "newer", "another's"],
)
def test_a_journal_that_cannot_be_used(home: Home, doctor: Doctor, damage: Any, words: str) -> None:
    registered(home)
    damage(home.journal)
    [trouble] = doctor.trouble("journal")
    assert trouble.startswith("fault: ") and words in trouble


def _execute(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"file": "/gone/digits.py"}, "its file /gone/digits.py is not there"),
        ({"python": "/gone/bin/python"}, "its interpreter /gone/bin/python is not there"),
        ({"cwd": "/gone"}, "its working directory /gone is not there"),
    ],
)
def test_a_pipeline_that_could_not_be_started_again(
    home: Home, doctor: Doctor, changes: dict[str, str], words: str
) -> None:
    registered(home, **changes)
    [trouble] = doctor.trouble("pipeline digits")
    assert trouble.startswith(f"fault: {words}")


def test_a_pipeline_with_nothing_wrong_is_well(home: Home, doctor: Doctor) -> None:
    registered(home)
    assert [each.level for each in doctor() if each.part == "pipeline digits"] == ["ok"]


def test_with_a_daemon_its_version_its_nodes_and_its_stores_are_looked_at(home: Home, doctor: Doctor) -> None:
    registered(home)
    daemon = AnsweringDaemon(home)
    try:
        failed = node("train", phase="failed", pid=None, reason="killed by SIGSEGV; spent")
        daemon.answers["status"] = status(pipeline("digits", node("store", kind="metadata_store"), failed))
        daemon.answers["runs"] = lambda args, conversation: conversation.error("failed", "disk I/O error")
        findings = doctor()
    finally:
        daemon.stop()
    words = [f"{each.level}: {each.finding}" for each in findings]
    assert "fault: node 'train' has failed: killed by SIGSEGV; spent" in words
    assert "fault: its metadata store does not answer: disk I/O error" in words
    assert {command for command, _ in daemon.asked} == {"status", "runs"}, "it only reads"


def test_a_daemon_of_another_version() -> None:
    running = {"version": "0.0.1", "pid": 7}
    [found] = [each for each in versions.check(running) if each.part == "daemon"]
    assert (found.level, found.finding) == ("warning", f"the daemon (pid 7) is 0.0.1, this command {__version__}")


def test_a_clock_that_was_never_set(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.time, "time", lambda: 86400.0)
    [found] = [each for each in machine.check(home, 1, None) if each.part == "clock"]
    assert (found.level, found.finding) == ("fault", "it says 1970-01-02")


def test_a_configuration_that_cannot_be_used_is_a_fault_with_its_lines(home: Home, doctor: Doctor) -> None:
    home.prepare()
    (home.path / "anacostia.toml").write_text("[daemon]\njournal_lines = 1\nspeed = 3\n")
    (found,) = doctor.trouble("configuration")
    assert found.startswith("fault: ")
    assert "line 2, daemon.journal_lines" in found and "line 3, daemon.speed" in found


def test_what_is_listed_and_could_not_start_is_a_warning(home: Home, doctor: Doctor) -> None:
    home.prepare()
    (home.path / "anacostia.toml").write_text('[pipelines.digits]\nfile = "gone.py"\n')
    file = home.path / "gone.py"
    assert doctor.trouble("configuration") == [f"warning: pipeline 'digits' cannot start: its file {file} is not there"]
    file.write_text("")
    assert doctor.trouble("configuration") == []
