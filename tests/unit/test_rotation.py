"""Rotation of a log on real files, with real processes that write to it and know nothing of it."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from node_sdk import logspace
from node_sdk.errors import InvalidPipeline
from node_sdk.policy import DEFAULT_LOG_POLICY, LogPolicy
from node_sdk.rotation import Rotation
from node_sdk.runtime.log_watch import AT_REST, NOW_AND_THEN, OFTEN, LogWatch, wait

SMALL = LogPolicy(max_bytes=32_768, files=3)
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="leases and holes are Linux'")


class Node:
    """What a node's process has of its log: two descriptors, and the rotation that looks after them."""

    def __init__(self, path: Path, policy: LogPolicy = SMALL) -> None:
        self.path = path
        first = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.descriptors = (first, os.dup(first))
        self.rotation = Rotation(path, policy, self.descriptors)

    def write(self, text: str, to: int = 0) -> None:
        os.write(self.descriptors[to], text.encode())

    def fill(self, first: int, count: int) -> None:
        for number in range(first, first + count):
            self.write(line(number), number % 2)

    def close(self) -> None:
        for each in self.descriptors:
            os.close(each)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path / "train.log")
    yield made
    made.close()


def line(number: int) -> str:
    return f"{number:06d} {'x' * 92}\n"  # 100 bytes


def lines(path: Path) -> list[str]:
    """All that is kept, the oldest first."""
    files = [old for _, old in reversed(logspace.old_files(path))] + [path]
    return [each for file in files for each in file.read_bytes().lstrip(b"\0").decode().splitlines()]


def numbers(path: Path) -> list[int]:
    found = lines(path)
    assert all(re.fullmatch(r"\d{6} x{92}", each) for each in found), "a line was torn"
    return [int(each.split()[0]) for each in found]


def test_a_full_log_is_renamed_and_both_streams_go_on_in_a_new_one(node: Node) -> None:
    node.fill(0, 400)
    assert node.rotation.look() == 0
    node.fill(400, 10)
    assert len((node.path.parent / "train.log.1").read_text().splitlines()) == 400
    assert len(node.path.read_text().splitlines()) == 10
    assert numbers(node.path) == list(range(410))


def test_a_log_that_is_not_full_is_left_alone(node: Node) -> None:
    node.fill(0, 300)
    assert node.rotation.look() == 30_000
    assert logspace.old_files(node.path) == []


def test_no_more_files_are_kept_than_the_policy_says(node: Node) -> None:
    for begin in range(0, 4000, 400):
        node.fill(begin, 400)
        node.rotation.look()
    assert [number for number, _ in logspace.old_files(node.path)] == [1, 2]
    assert numbers(node.path) == list(range(3200, 4000))


@linux
def test_a_log_that_a_child_holds_open_stays_where_it_is_and_loses_its_old_lines_to_an_old_file(node: Node) -> None:
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=node.descriptors[0], text=True)
    assert child.stdin is not None
    node.fill(0, 400)
    inode = node.path.stat().st_ino
    assert node.rotation.look() < 8192
    assert node.path.stat().st_ino == inode
    child.stdin.write(line(400))
    child.stdin.close()
    child.wait(30)
    node.fill(401, 5)
    assert numbers(node.path) == list(range(406))
    assert node.path.stat().st_blocks * 512 <= 8192, "the room was given back"


@linux
def test_once_the_child_is_gone_the_next_rotation_leaves_no_hole(node: Node) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=node.descriptors[0]):
        node.fill(0, 400)
        node.rotation.look()
    node.fill(400, 400)
    node.rotation.look()
    node.fill(800, 1)
    assert node.path.read_text() == line(800)
    assert numbers(node.path) == list(range(801))


@linux
def test_a_line_that_is_being_written_is_never_cut(node: Node) -> None:
    node.fill(0, 400)
    node.write("000400 " + "x" * 40)
    node.rotation.look()
    node.write("x" * 52 + "\n")
    assert numbers(node.path) == list(range(401))


@linux
def test_no_line_is_lost_or_torn_while_children_write_and_the_log_rotates(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    node = Node(path, LogPolicy(max_bytes=65_536, files=60))
    program = "import os,sys\nfor n in range(6000): os.write(1, f'{sys.argv[1]}{n:05d} {\"x\" * 92}\\n'.encode())"
    children = [
        subprocess.Popen([sys.executable, "-c", program, str(number)], stdout=node.descriptors[0]) for number in (1, 2)
    ]
    while any(child.poll() is None for child in children):
        node.rotation.look()
    node.rotation.look()
    node.close()
    found = numbers(path)
    assert len(logspace.old_files(path)) > 3
    for child in (1, 2):
        assert [each for each in found if each // 100_000 == child] == [child * 100_000 + n for n in range(6000)]


@linux
def test_a_flood_between_two_looks_is_cut_down_to_its_newest_lines(node: Node) -> None:
    node.fill(0, 3000)
    node.rotation.look()
    found = numbers(node.path)
    assert found == list(range(found[0], 3000))
    taken = sum(each.stat().st_blocks * 512 for each in node.path.parent.iterdir())
    assert taken <= 3 * 32_768 + 3 * 4096


def test_a_log_that_was_moved_away_or_removed_is_made_anew(node: Node) -> None:
    node.write("before\n")
    node.rotation.look()
    node.path.rename(node.path.with_name("mine.log"))
    node.rotation.look()
    node.write("after\n")
    assert (node.path.parent / "mine.log").read_text() == "before\n"
    assert node.path.read_text() == "after\n"


def test_a_process_leaves_a_log_alone_that_another_one_has_made_in_its_place(node: Node) -> None:
    node.fill(0, 400)
    node.path.rename(node.path.with_name("moved"))
    node.path.write_text("of a newer incarnation\n" * 2000)
    node.rotation.look()
    assert logspace.old_files(node.path) == []


def test_what_a_rotation_that_was_cut_short_has_left_is_in_the_log_again(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    path.write_text("before\n")
    (tmp_path / ".train.log.fresh").write_text("in between\n")
    Rotation(path, SMALL).begin()
    assert path.read_text() == "before\nin between\n"
    assert list(tmp_path.iterdir()) == [path]


@linux
def test_a_start_puts_a_full_log_away_and_removes_old_ones(tmp_path: Path) -> None:
    path, old = tmp_path / "train.log", tmp_path / "train.log.2"
    path.write_text("x\n" * 20_000)
    old.write_text("of long ago\n")
    long_ago = time.time() - 31 * 86400
    os.utime(old, (long_ago, long_ago))
    Rotation(path, SMALL).begin()
    assert [each.name for each in tmp_path.iterdir()] == ["train.log.1"]


def test_a_disk_that_refuses_costs_no_line_and_no_exception(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.fill(0, 400)
    full = OSError(28, "No space left on device")

    def refuse(*arguments: object) -> None:
        raise full

    with monkeypatch.context() as patched:
        patched.setattr(Rotation, "_shift", refuse)
        assert node.rotation.look() == 0
    node.fill(400, 1)
    assert numbers(node.path) == list(range(401))


def test_a_stream_that_user_code_closed_keeps_nothing_from_being_rotated(tmp_path: Path) -> None:
    node = Node(tmp_path / "train.log")
    os.close(node.descriptors[1])
    for number in range(400):
        node.write(line(number))
    node.rotation.look()
    os.close(node.descriptors[0])
    assert len(logspace.old_files(node.path)) == 1


def test_a_forked_child_never_rotates(node: Node) -> None:
    node.fill(0, 400)
    pid = os.fork()
    if pid == 0:
        os._exit(node.rotation.look())
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert logspace.old_files(node.path) == []


# ---- when it is looked at


@pytest.mark.parametrize(
    ("size", "grown", "over", "at_work", "expected"),
    [
        (0, 0, 10.0, False, AT_REST),
        (0, 0, 10.0, True, NOW_AND_THEN),
        (500, 500, 1.0, False, 0.5),
        (990, 900, 1.0, False, OFTEN),
        (100, 1, 1.0, True, NOW_AND_THEN),
        (0, -900, 1.0, False, OFTEN),
    ],
)
def test_the_faster_it_grows_the_sooner_it_is_looked_at(
    size: int, grown: int, over: float, at_work: bool, expected: float
) -> None:
    assert wait(size, grown, over, 1000, at_work) == expected


def test_work_that_begins_is_looked_at_soon() -> None:
    class Counted:
        max_bytes = 1000
        looks = 0

        def look(self) -> int:
            self.looks += 1
            return 0

    rotation, now = Counted(), [0.0]
    watch = LogWatch(rotation, lambda: now[0])
    assert watch.look(at_work=False) == AT_REST
    now[0] = 2.0
    assert watch.look(at_work=True) == 2.0 + NOW_AND_THEN
    now[0] = 3.0
    watch.look(at_work=True)
    assert rotation.looks == 2


# ---- the policy


def test_what_a_policy_leaves_open_is_taken_from_the_next() -> None:
    node, pipeline = LogPolicy(level="WARNING"), LogPolicy(level="DEBUG", files=2)
    assert node.over(pipeline).over(DEFAULT_LOG_POLICY) == LogPolicy(
        level="WARNING", files=2, max_bytes=10 * 1024 * 1024, max_age=30.0
    )


@pytest.mark.parametrize("wrong", [{"max_bytes": 10}, {"files": 0}, {"max_age": 0}, {"level": "LOUD"}])
def test_a_policy_that_makes_no_sense_is_refused_in_words(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidPipeline, match=f"cannot use {next(iter(wrong))}="):
        LogPolicy(**wrong)  # type: ignore[arg-type]


# ---- two loaders of one pipeline, after a reload, have one log

_WRITER = """
import os, sys
from pathlib import Path
from node_sdk.policy import LogPolicy
from node_sdk.rotation import Rotation

path, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
rotation = Rotation(path, LogPolicy(max_bytes=16_384, files=999), (descriptor,))
rotation.begin()
print("ready", flush=True)
sys.stdin.readline()
for number in range(first, first + count):
    os.write(descriptor, f"{number:06d} {'x' * 92}\\n".encode())
    rotation.look()
"""


@linux
def test_two_processes_that_rotate_one_log_lose_no_line_and_keep_none_twice(tmp_path: Path) -> None:
    path = tmp_path / "loader.log"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, path, str(first), "1500"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for first in (0, 1500)
    ]
    for each in writers:
        assert each.stdout is not None and each.stdout.readline() == "ready\n"
    for each in writers:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    for each in writers:
        each.communicate()
        assert each.returncode == 0

    assert sorted(numbers(path)) == list(range(3000))
    assert len(logspace.old_files(path)) > 5


def test_who_finds_another_at_it_looks_again_later(node: Node) -> None:
    node.fill(0, 400)
    folder = os.open(node.path.parent, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)

    assert node.rotation.look() == 40_000

    os.close(folder)
    assert node.rotation.look() == 0
    assert numbers(node.path) == list(range(400))
