"""`logs` on real files: the last lines, merged by time, and what follows through rotation and truncation."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anacostia_daemon.ctl import exits
from anacostia_daemon.ctl.__main__ import main
from anacostia_daemon.ctl.logfile import LogFile


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the logs of pipeline 'digits'."""
    monkeypatch.setenv("ANACOSTIA_HOME", str(tmp_path))
    folder = tmp_path / "pipelines" / "digits" / "logs"
    folder.mkdir(parents=True)
    return folder


def at(second: int, text: str) -> str:
    return f"2026-11-23T11:41:{second:02d}.000Z INFO  {text}\n"


def record(second: int, text: str, level: str = "INFO", run: int | None = None) -> str:
    """A line as a node's formatter writes it."""
    return f"2026-11-23T11:41:{second:02d}.000Z {level:<5} train[12]{'' if run is None else f' run={run}'} {text}\n"


def test_the_last_lines_of_a_node(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (logs / "train.log").write_text("".join(f"line {number}\n" for number in range(1000)) + "unfinished")
    assert main(["logs", "digits/train", "-n", "3"]) == 0
    assert capsys.readouterr().out == "line 998\nline 999\nunfinished\n"


def test_the_last_lines_of_a_large_file_are_found_from_its_end(logs: Path) -> None:
    with (logs / "train.log").open("w") as file:
        file.writelines(f"{number} {'x' * 100}\n" for number in range(20_000))
    file = LogFile(logs / "train.log")
    last = file.last(1500)
    file.close()
    assert [int(line.text.split()[0]) for line in last] == list(range(18_500, 20_000))


def test_lines_of_several_nodes_are_merged_by_time(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (logs / "train.log").write_text(at(1, "one") + "    of two lines\n" + at(4, "four"))
    (logs / "store.log").write_text(at(2, "two") + at(3, "three"))
    assert main(["logs", "digits"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0].strip() for line in lines] == ["train", "train", "store", "store", "train"]
    assert [line.split()[-1] for line in lines] == ["one", "lines", "two", "three", "four"]
    assert main(["logs", "-n", "2"]) == 0
    assert [line.split(" | ")[0].strip() for line in capsys.readouterr().out.splitlines()] == [
        "digits/store",
        "digits/train",
    ]


def test_each_line_is_an_object_of_its_own_in_json(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (logs / "train.log").write_bytes(record(1, "one", run=7).encode() + b"\xff\x1b[31m\n")
    assert main(["logs", "digits", "--json"]) == 0
    first, second = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert first == {
        "at": "2026-11-23T11:41:01.000Z",
        "pipeline": "digits",
        "node": "train",
        "level": "INFO",
        "pid": 12,
        "run_id": 7,
        "message": "one",
        "line": record(1, "one", run=7).rstrip(),
    }
    assert (second["line"], second["level"], second["run_id"]) == ("\\xff\x1b[31m", None, 7)


def test_unknown_names_are_said_with_what_was_meant(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (logs / "train.log").write_text("x\n")
    assert main(["logs", "digits/trian"]) == exits.UNKNOWN
    assert "(did you mean 'train'?)" in capsys.readouterr().err
    assert main(["logs", "digit"]) == exits.UNKNOWN
    assert "(did you mean 'digits'?)" in capsys.readouterr().err


def test_on_a_terminal_control_characters_are_written_out(logs: Path) -> None:
    (logs / "train.log").write_bytes(b"\x1b]0;owned\x07\x1b[2J tab\tstays\n")
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "anacostia_daemon.ctl", "logs", "digits/train"]
    subprocess.run(command, stdout=slave, check=True, timeout=30)
    os.close(slave)
    assert os.read(master, 4096).decode() == "\\x1b]0;owned\\x07\\x1b[2J tab\tstays\r\n"
    os.close(master)


# ---- which lines


@pytest.fixture
def told(logs: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """The last words of the lines that `logs digits` shows of three runs."""
    (logs / "train.log.2").write_text(record(1, "begin", run=1))
    (logs / "train.log.1").write_text("printed by_one\n" + record(2, "odd", "WARNING", 1))
    (logs / "train.log").write_text(
        record(3, "bad", "ERROR", 2) + "    further\n" + "printed by_two\n" + record(4, "idle", "DEBUG")
    )

    def tell(*words: str) -> list[str]:
        assert main(["logs", "digits/train", *words]) == 0
        return [line.split()[-1] for line in capsys.readouterr().out.splitlines()]

    return tell


def test_what_is_in_old_files_counts_too(told: Callable[..., list[str]]) -> None:
    assert told() == ["begin", "by_one", "odd", "bad", "further", "by_two", "idle"]
    assert told("-n", "5") == ["odd", "bad", "further", "by_two", "idle"]


def test_what_was_printed_before_any_record_stays_before_the_first(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (logs / "train.log.1").write_text("epoch 1\nepoch 2\n")  # made now, so its time is later than that of the record
    (logs / "train.log").write_text("epoch 3\n" + record(1, "done"))
    for words in ([], ["--since", "36500d"]):
        assert main(["logs", *words]) == 0
        assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == ["1", "2", "3", "done"]


def test_lines_of_a_run_are_its_records_and_what_was_printed_after_them(told: Callable[..., list[str]]) -> None:
    assert told("--run", "1") == ["begin", "by_one", "odd"]
    assert told("--run", "2") == ["bad", "further", "by_two"]
    assert told("--run", "3") == []


def test_a_level_leaves_out_what_is_less_and_what_has_none(told: Callable[..., list[str]]) -> None:
    assert told("--level", "warning") == ["odd", "bad", "further"]
    assert told("--level", "ERROR", "-n", "1") == ["further"]


def test_since_is_a_moment_or_a_while_ago(told: Callable[..., list[str]]) -> None:
    assert told("--since", "2026-11-23T11:41:03Z") == ["bad", "further", "by_two", "idle"]
    assert told("--since", "36500d") == told()


def test_a_moment_that_is_none_is_a_mistake_in_the_command_line(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["logs", "--since", "yesterday-ish"]) == exits.USAGE
    assert "'yesterday-ish' is no time: write 15m, 2h, 3d, 14:03 or 2026-11-23T14:03" in capsys.readouterr().err


def test_on_a_terminal_each_node_has_its_colour_and_trouble_stands_out(logs: Path) -> None:
    (logs / "train.log").write_text(record(1, "fine") + record(2, "odd", "WARNING"))
    (logs / "store.log").write_text(record(3, "bad", "ERROR"))
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "anacostia_daemon.ctl", "logs", "digits"]
    environment = {**os.environ, "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    subprocess.run(command, stdout=slave, check=True, timeout=30, env=environment)
    os.close(slave)
    fine, odd, bad = os.read(master, 4096).decode().splitlines()
    os.close(master)
    assert fine.startswith("\x1b[35mtrain |\x1b[0m 2026") and odd.startswith("\x1b[35mtrain |\x1b[0m \x1b[33m2026")
    assert bad.startswith("\x1b[36mstore |\x1b[0m \x1b[31m2026")


# ---- one file that changes under its reader


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "train.log"


def texts(file: LogFile) -> list[str]:
    return [line.text.decode() for line in file.more()]


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_a_line_is_shown_once_it_is_whole(path: Path) -> None:
    file = LogFile(path)
    assert texts(file) == []
    append(path, "one\ntw")
    assert texts(file) == ["one"]
    append(path, "o\n")
    assert texts(file) == ["two"]
    file.close()


def test_rotation_loses_no_line_of_the_old_file_nor_of_the_new(path: Path) -> None:
    append(path, "before\n")
    file = LogFile(path)
    assert [line.text for line in file.last(10, following=True)] == [b"before"]
    append(path, "last words\n")
    with path.open("a") as held:  # a process that goes on writing where it wrote
        path.rename(path.with_suffix(".log.1"))
        append(path, "new file\n")
        assert texts(file) == ["last words", "new file"]
        held.write("late\n")
    assert texts(file) == ["late"]
    path.rename(path.with_suffix(".log.2"))
    append(path, "third file\n")
    assert texts(file) == ["third file"]
    file.close()


def test_lines_that_were_moved_away_under_its_reader_leave_no_zeros(path: Path) -> None:
    append(path, "x" * 20_000 + "\nlast before\n")
    file = LogFile(path)
    file.last(0, following=True)
    with path.open("r+b") as held:
        held.write(b"\0" * 20_013)  # what is left of them on a file system without holes, at worst
    append(path, "after\n")
    assert texts(file) == ["after"]
    assert [line.text for line in file.last(10)] == [b"after"]
    file.close()


def test_a_truncated_file_is_read_from_its_start(path: Path) -> None:
    append(path, "a long line before\n")
    file = LogFile(path)
    file.last(0, following=True)
    path.write_text("short\n")
    assert texts(file) == ["short"]
    file.close()


def test_a_file_that_was_removed_and_made_again_is_followed(path: Path) -> None:
    append(path, "one\n")
    file = LogFile(path)
    file.last(0, following=True)
    path.unlink()
    assert texts(file) == []
    append(path, "two\n")
    assert texts(file) == ["two"]
    file.close()


# ---- logs -f, the program


@pytest.fixture
def follower(logs: Path) -> Iterator[subprocess.Popen[str]]:
    append(logs / "train.log", "first\n")
    command = [sys.executable, "-u", "-m", "anacostia_daemon.ctl", "logs", "digits", "-f"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


def test_following_goes_through_rotation_truncation_and_new_nodes_and_ends_with_ctrl_c(
    logs: Path, follower: subprocess.Popen[str]
) -> None:
    assert follower.stdout is not None and follower.stderr is not None

    def shown() -> str:
        assert follower.stdout is not None
        return follower.stdout.readline().split(" | ")[-1].rstrip()

    train = logs / "train.log"
    assert shown() == "first"
    append(train, "second\n")
    assert shown() == "second"
    train.rename(logs / "train.log.1")
    append(train, "rotated\n")
    assert shown() == "rotated"
    train.write_text("cut\n")
    assert shown() == "cut"
    append(logs / "evaluate.log", "a new node\n")
    assert shown() == "a new node"
    append(train, "again\n")
    assert shown() == "again"
    follower.send_signal(signal.SIGINT)
    assert follower.wait(30) == 0
    assert follower.stderr.read() == ""


def test_a_reader_that_has_enough_ends_it_quietly(logs: Path) -> None:
    (logs / "train.log").write_text("x\n" * 100_000)
    command = f"'{sys.executable}' -m anacostia_daemon.ctl logs digits/train -n 100000 | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("x\n", "")
