from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from node_sdk.runtime import logs


def record(message: str, *arguments: object, level: int = logging.INFO) -> logging.LogRecord:
    made = logging.LogRecord("any", level, __file__, 1, message, arguments, None)
    made.created, made.msecs = 1795434117.123, 123.0
    return made


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[logs.LineHandler]:
    descriptor = os.open(tmp_path / "node.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    handler = logs.LineHandler(descriptor)
    handler.setFormatter(logs.NodeFormatter("train", lambda: 17))
    yield handler
    os.close(descriptor)


def test_a_line_has_time_level_node_pid_run_and_message(lines: logs.LineHandler, tmp_path: Path) -> None:
    lines.handle(record("loss is %.2f", 0.25))
    expected = f"2026-11-23T11:41:57.123Z INFO  train[{os.getpid()}] run=17 loss is 0.25\n"
    assert (tmp_path / "node.log").read_text() == expected


def test_further_lines_of_a_message_are_indented(lines: logs.LineHandler, tmp_path: Path) -> None:
    lines.handle(record("one\ntwo\nthree"))
    written = (tmp_path / "node.log").read_text().splitlines()
    assert written[0].endswith(" one")
    assert written[1:] == ["    two", "    three"]


def test_a_message_that_is_no_text_is_written_all_the_same(lines: logs.LineHandler, tmp_path: Path) -> None:
    lines.handle(record("odd \udcff"))
    assert "odd \\udcff" in (tmp_path / "node.log").read_text()


def test_a_closed_log_costs_the_line_and_not_the_node(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "node.log", os.O_WRONLY | os.O_CREAT)
    os.close(descriptor)
    logs.LineHandler(descriptor).handle(record("lost"))


NODE = """
import logging, os, sys
from pathlib import Path
from node_sdk.runtime import logs

def user_loggers(mode):
    alone = logging.getLogger("alone")
    alone.setLevel(logging.DEBUG)
    alone.addHandler(logging.StreamHandler())
    alone.propagate = False
    filed = logging.getLogger("filed")
    filed.setLevel(logging.INFO)
    handler = logging.FileHandler("user.log", mode=mode)
    handler.setFormatter(logging.Formatter("%(levelname)s:%(message)s"))
    filed.addHandler(handler)
    filed.addHandler(logging.StreamHandler(sys.stdout))
    return [alone, filed]
"""


def run(folder: Path, code: str) -> None:
    done = subprocess.run([sys.executable, "-c", NODE + code], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_each_record_of_a_users_logger_is_in_the_nodes_log_once(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
loggers = user_loggers("a")
logging.basicConfig(level=logging.INFO)  # a console handler at the root
logs.redirect(Path("node.log"))
logs.take_over(loggers, "train", lambda: None)
loggers[0].debug("from alone")
loggers[1].info("from filed")
logging.getLogger("library").info("from a library")
logging.getLogger("anacostia.node").debug("from a node without loggers")
print("printed")
""",
    )
    written = (tmp_path / "node.log").read_text()
    words = ("from alone", "from filed", "from a library", "from a node without", "printed")
    assert [written.count(each) for each in words] == [1, 1, 1, 1, 1]
    assert re.fullmatch(r"train\[\d+\] INFO:from filed\n", (tmp_path / "user.log").read_text())


def test_records_of_many_processes_arrive_whole_in_the_users_file_also_with_mode_w(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
loggers = user_loggers("w")
children = []
for number in range(4):
    pid = os.fork()
    if pid == 0:
        logs.redirect(Path(f"node{number}.log"))
        logs.take_over(loggers, f"node{number}", lambda: None)
        for each in range(200):
            loggers[1].info("x" * 2000 + f" {each}")
        os._exit(0)
    children.append(pid)
for pid in children:
    os.waitpid(pid, 0)
""",
    )
    written = (tmp_path / "user.log").read_text().splitlines()
    assert len(written) == 800
    assert all(re.fullmatch(r"node\d\[\d+\] INFO:x{2000} \d+", line) for line in written)


def test_a_fresh_interpreter_does_not_empty_the_users_file(tmp_path: Path) -> None:
    (tmp_path / "user.log").write_text("what was there\n")
    run(
        tmp_path,
        """
with logs.files_kept():
    loggers = user_loggers("w")
logs.redirect(Path("node.log"))
logs.take_over(loggers, "train", lambda: None)
loggers[1].info("more")
assert logging.FileHandler("other.log", mode="w").mode == "w"
""",
    )
    assert (tmp_path / "user.log").read_text().startswith("what was there\ntrain[")


def test_a_users_file_that_was_moved_away_is_made_anew(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
loggers = user_loggers("a")
logs.redirect(Path("node.log"))
logs.take_over(loggers, "train", lambda: None)
loggers[1].info("before")
os.rename("user.log", "user.log.1")
loggers[1].info("after")
""",
    )
    assert "before" in (tmp_path / "user.log.1").read_text()
    assert "after" in (tmp_path / "user.log").read_text()
