"""A name that somebody gave a file is shown as text: it moves no cursor, sets no title of a terminal, hides no line."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from collections.abc import Iterator

import pytest
from place import BIN, ROOT, Place

NAMES = [
    "-rf",
    "--help",
    "two\nlines",
    "\x1b]0;title\x07.txt",
    "\x1b[2J\x1b[Hcleared",
    "\x9b31mred",
    "\u202egnp.exe",
    "$(touch owned)",
    "%s%n%d",
    "{0.__class__}",
    "a\tb\r\x08",
]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def shared() -> Iterator[Place]:
    opened = Place()
    failed = True
    try:
        for name in NAMES:
            opened.write(f"work/haikus/{name}", "an old silent pond\n")
        opened.ctl("start", ROOT / "examples/haiku/pipeline.py", "--", opened.root / "work")
        opened.run_ended("haiku", 1)
        yield opened
        failed = False
    finally:
        opened.close(failed=failed)


def on_a_terminal(place: Place, *words: str) -> str:
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [str(BIN / "anacostiactl"), *words],
        env={**place.env, "TERM": "xterm", "COLUMNS": "400"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    try:
        while data := os.read(ours, 65536):
            said += data
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(ours)
    assert child.wait(30) == 0, said
    return said.decode()


@pytest.mark.parametrize(
    "command", ["artifacts haiku", "logs haiku", "status", "runs haiku", "run haiku 1", "journal haiku"]
)
def test_no_command_lets_a_name_act_on_a_terminal(shared: Place, command: str) -> None:
    said = COLOUR.sub("", on_a_terminal(shared, *command.split()))
    assert said
    acting = [each for each in said if (ord(each) < 32 and each not in "\r\n\t") or 127 <= ord(each) < 160]
    assert not acting and "\u202e" not in said, said
    assert "\r\x08" not in said and "\ntwo" not in said.replace("\r", "")


def test_each_name_is_one_line_of_the_table_and_whole_in_json(shared: Place) -> None:
    lines = shared.ctl("artifacts", "haiku").stdout.splitlines()
    assert len([each for each in lines if " old " in each]) == len(NAMES)
    rows = json.loads(shared.ctl("artifacts", "haiku", "--json").stdout)
    assert {row["location"] for row in rows} == set(NAMES)
    assert not (shared.root / "owned").exists() and not (shared.root / "work/owned").exists()
