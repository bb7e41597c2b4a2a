"""A home in which nothing can work, and a clock that was never set: words, and the exit codes of docs/operations.md."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from place import BIN, ROOT, Place
from somebody import NOBODY, needs_root
from test_clocks import LIBRARY

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace: makes system calls fail")
HAIKU = ROOT / "examples/haiku/pipeline.py"


def anacostiad(place: Place, *before: str) -> tuple[int, str]:
    done = subprocess.run(
        [*before, str(BIN / "anacostiad")], env=place.env, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr and done.stdout == ""
    return done.returncode, done.stderr


def failing(call: str, error: str) -> list[str]:
    return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}"]


@needs_strace
@pytest.mark.parametrize("error", ["ENOLCK", "EOPNOTSUPP"])
def test_a_home_on_a_file_system_without_locks_is_refused(place: Place, error: str) -> None:
    code, said = anacostiad(place, *failing("flock", error))
    assert code == 1
    assert f"cannot lock {place.home.lock}: " in said and "name a home on a local disk with ANACOSTIA_HOME" in said


@needs_strace
@pytest.mark.parametrize("error", ["EPERM", "EOPNOTSUPP"])
def test_sockets_on_a_file_system_without_sockets_are_refused(place: Place, error: str) -> None:
    code, said = anacostiad(place, *failing("bind", error))
    assert code == 1
    assert f"cannot listen at {place.home.control_socket}: " in said and "set XDG_RUNTIME_DIR to" in said


@needs_root
def test_a_home_that_is_somebody_elses_is_refused_by_both_programs(place: Place) -> None:
    place.home.path.mkdir()
    shutil.chown(place.home.path, NOBODY, NOBODY)
    code, said = anacostiad(place)
    assert code == 1
    assert f"it belongs to user {NOBODY}, not to you (0); set ANACOSTIA_HOME" in said
    refused = place.ctl("start", HAIKU, "--", place.root, code=1)
    assert f"it belongs to user {NOBODY}" in refused.stderr
    assert not list(place.home.path.iterdir())


def test_a_home_into_which_others_have_put_something_is_refused_until_it_is_looked_at(place: Place) -> None:
    place.root.chmod(0o755)
    place.home.path.mkdir()
    place.home.path.chmod(0o777)
    place.write("home/anacostia.toml", "garbage that is not even read")
    code, said = anacostiad(place)
    assert code == 1
    assert "others may write to it (mode 0777), so what is in it may be theirs" in said
    place.home.path.chmod(0o755)
    assert anacostiad(place)[0] == 78, "now it is ours, and is read"


def test_a_log_that_is_a_link_is_not_written_to(place: Place) -> None:
    victim = place.write("victim", "precious\n")
    for log in (place.home.path / "launch.lock", place.home.log, place.home.log_file("haiku", "loader")):
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        log.symlink_to(victim)
        refused = place.ctl("start", HAIKU, "--", place.root, code=1)
        assert f"{log}: a symbolic link is there, which is not ours to use; look at it and remove it" in refused.stderr
        log.unlink()
    assert victim.read_text() == "precious\n"


@pytest.mark.skipif(LIBRARY is None, reason="needs libfaketime: apt-get install faketime")
def test_a_clock_that_is_not_set_yet_stops_nothing(place: Place) -> None:
    """A board without a battery starts in 1970."""
    place.env |= {"LD_PRELOAD": str(LIBRARY), "FAKETIME": "@1970-01-01 00:00:07", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    place.ctl("start", HAIKU, "--", place.root)
    place.write("haikus/1.txt", "an old silent pond\n")
    run = place.run_ended("haiku", 1)
    assert run["started_at"].startswith("1970-01-01T00:0")
    before = place.ready("haiku", "shakespeare_eval")
    subprocess.run(["kill", "-KILL", str(before["pid"])], check=True)
    after = place.ready("haiku", "shakespeare_eval", after=before["incarnation"])
    assert after["pid"] != before["pid"]
    for command in ("status", "runs haiku", "journal haiku", "logs haiku", "run haiku 1"):
        assert place.ctl(*command.split()).stdout, command
