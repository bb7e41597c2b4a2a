"""`anacostiactl config` as a person types it, and what `status` says of pipelines that are listed and do not run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from answering_daemon import AnsweringDaemon, short_home, status

from anacostia_daemon.ctl import exits
from anacostia_daemon.ctl.__main__ import main
from anacostia_daemon.paths import Home

TEXT = "[daemon]\nload_timeout = 7\n[pipelines.p]\nfile = 'p.py'\nenvironment = { TOKEN = 'hush' }\n"


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """One without a daemon."""
    with short_home() as made:
        made.path.mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv("ANACOSTIA_HOME", str(made.path))
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(made.socket_dir.parent.parent))
        yield made


def write(home: Home, text: str) -> Path:
    path = home.path / "anacostia.toml"
    path.write_text(text)
    return path


def test_check_says_that_nothing_is_wrong_or_what_is(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check"]) == exits.OK
    assert "there is no file, so the defaults hold" in capsys.readouterr().out
    path = write(home, TEXT)
    assert main(["config", "check"]) == exits.FAILED
    assert f"pipeline 'p': its file {home.path}/p.py is not there" in capsys.readouterr().err
    (home.path / "p.py").touch()
    path.chmod(0o644)
    assert main(["config", "check", str(path)]) == exits.OK
    said = capsys.readouterr()
    assert said.out == f"{path}: nothing is wrong; it lists 1 pipeline\n"
    assert said.err == f"others may read {path}, and the values of variables in it: chmod 600 {path}\n"
    path.chmod(0o600)
    assert main(["config", "check", str(path)]) == exits.OK
    assert capsys.readouterr().err == ""
    write(home, "[daemon]\nload_timeot = 7\n")
    assert main(["config", "check"]) == exits.FAILED
    assert capsys.readouterr().err == (
        f"anacostiactl: cannot use the configuration {path}: "
        "line 2, daemon.load_timeot: there is no such key (did you mean 'load_timeout'?)\n"
    )


def test_show_without_a_daemon_shows_what_one_would_have_and_no_secret(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(home, TEXT)
    monkeypatch.setenv("ANACOSTIA_DAEMON_JOURNAL_LINES", "300")
    assert main(["config", "show"]) == exits.OK
    said = capsys.readouterr()
    rows = {line.split()[0]: line.split(maxsplit=1)[1] for line in said.out.splitlines()}
    assert rows["daemon.load_timeout"].split() == ["7.0", str(path)]
    assert rows["daemon.journal_lines"].split() == ["300", "ANACOSTIA_DAEMON_JOURNAL_LINES"]
    assert rows["daemon.memory_interval"].split() == ["2.0", "default"]
    assert "hush" not in said.out and '{"TOKEN": "***"}' in said.out
    assert "no daemon runs" in said.err
    assert main(["config", "show", "--json"]) == exits.OK
    shown = json.loads(capsys.readouterr().out)
    assert (shown["file"], shown["daemon"]) == (str(path), False)
    assert {"key": "daemon.load_timeout", "value": 7.0, "source": str(path)} in shown["settings"]


def test_show_and_reload_ask_the_daemon_that_runs(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    write(home, "not even TOML")
    home.prepare()
    daemon = AnsweringDaemon(home)
    try:
        setting = {"key": "daemon.load_timeout", "value": 9.0, "source": "default"}
        daemon.answers["config"] = {"file": None, "settings": [setting]}
        daemon.answers["reload-config"] = {"file": None, "said": ["nothing has changed"]}
        assert main(["config", "show", "--json"]) == exits.OK
        assert json.loads(capsys.readouterr().out) == {"file": None, "settings": [setting], "daemon": True}
        assert main(["config", "reload"]) == exits.OK
        assert capsys.readouterr().out == "nothing has changed\n"
        daemon.answers["reload-config"] = lambda args, to: to.error("failed", "cannot use the configuration x: no")
        assert main(["config", "reload"]) == exits.FAILED
        assert "cannot use the configuration x: no" in capsys.readouterr().err
    finally:
        daemon.stop()


def test_reload_needs_a_daemon(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "reload"]) == exits.UNREACHABLE


def test_status_names_what_is_listed_and_could_not_be_started(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.prepare()
    daemon = AnsweringDaemon(home)
    try:
        waiting = {"name": "digits", "file": "/digits.py", "reason": "its file /digits.py is not there"}
        daemon.answers["status"] = {**status(), "not_started": [waiting]}
        assert main(["status"]) == exits.NOT_RUNNING
        assert "digits  listed, and not started\n  its file /digits.py is not there\n" in capsys.readouterr().out
    finally:
        daemon.stop()
