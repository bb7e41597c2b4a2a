"""What happens to a folder while it is being looked at: no file is lost, none counts half, nobody is killed by it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node_sdk.resources import filesystem, observer, staging
from tests.integration.test_filesystem import Scene


def test_a_file_whose_times_are_set_while_it_is_hashed_is_recorded_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As shutil.copy2 and tar do, after closing: no event tells of it."""
    path = tmp_path / "copied.bin"
    path.write_bytes(b"x" * 1000)
    hashed: list[Any] = []
    digest = staging.hashlib.file_digest

    def slow(file: Any, kind: str) -> Any:
        if not hashed:
            os.utime(path, (1, 1))
        hashed.append(digest(file, kind))
        return hashed[-1]

    monkeypatch.setattr(staging.hashlib, "file_digest", slow)
    assert staging.hash_of(str(path)) == (hashed[-1].hexdigest(), 1000, 1_000_000_000)
    assert hashed[0].hexdigest() == hashed[1].hexdigest(), "the second look begins at the start of the file"


def test_a_file_that_changes_at_each_look_is_left_to_the_event_of_its_closing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "growing.bin"
    path.write_bytes(b"x")
    digest = staging.hashlib.file_digest

    def growing(file: Any, kind: str) -> Any:
        with path.open("ab") as more:
            more.write(b"x")
        return digest(file, kind)

    monkeypatch.setattr(staging.hashlib, "file_digest", growing)
    assert staging.hash_of(str(path)) is None


def test_only_regular_files_are_hashed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "target").write_text("x")
    (tmp_path / "link").symlink_to("target")
    for name in ("pipe", "link", "gone", "."):
        assert staging.hash_of(str(tmp_path / name)) is None


@pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux")
def test_asking_whether_a_file_is_being_written_survives_a_writer_that_opens_it_meanwhile(tmp_path: Path) -> None:
    """The kernel breaks the lease with a signal; by default it is one that ends the process."""
    path = tmp_path / "busy.txt"
    path.write_text("x")
    # The other thread makes the calls that take and give back the lease lie apart, as the beats of a node do.
    code = (
        "import sys, threading\n"
        "from node_sdk.resources.filesystem import is_being_written\n"
        "def spin():\n    while True: sum(range(100))\n"
        "threading.Thread(target=spin, daemon=True).start()\n"
        "print('asking', flush=True)\n"
        "for _ in range(150): is_being_written(sys.argv[1])\n"
        "print('alive', flush=True)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asking\n"
        while process.poll() is None:
            os.close(os.open(path, os.O_WRONLY))
        assert process.stdout.read() == "alive\n"
    assert process.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux")
def test_a_writer_that_breaks_our_lease_ends_nobody(tmp_path: Path) -> None:
    path = tmp_path / "busy.txt"
    path.write_text("x")
    writing = (
        "import os, sys\n"
        "try:\n    os.open(sys.argv[1], os.O_WRONLY | os.O_NONBLOCK)\n"
        "except BlockingIOError:\n    print('has to wait')\n"
    )
    # While we hold the lease somebody opens the file for writing: the kernel tells us by a signal.
    code = (
        "import fcntl, subprocess, sys\n"
        "from node_sdk.resources.filesystem import is_being_written\n"
        "real, path = fcntl.fcntl, sys.argv[1]\n"
        "def interrupted(descriptor, what, value=0):\n"
        "    done = real(descriptor, what, value)\n"
        "    if (what, value) == (fcntl.F_SETLEASE, fcntl.F_RDLCK):\n"
        f"        subprocess.run([sys.executable, '-S', '-c', {writing!r}, path])\n"
        "    return done\n"
        "fcntl.fcntl = interrupted\n"
        "is_being_written(path)\n"
        "print('alive')"
    )
    done = subprocess.run([sys.executable, "-u", "-c", code, str(path)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "has to wait\nalive\n")


def test_a_file_whose_closing_was_told_counts_while_the_kernel_still_knows_its_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event leaves before the writer is no longer counted; no second event comes."""
    scene = Scene(tmp_path)
    with scene.rehearsal:
        scene.watch()
        monkeypatch.setattr(filesystem, "is_being_written", lambda path: True)
        (scene.folder / "a.txt").write_text("a")
        scene.look_until(lambda: scene.names() == ["a.txt"])
        scene.inbox.stop_monitoring()


def test_a_file_found_by_looking_while_it_was_being_closed_is_asked_about_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(filesystem, "is_being_written", lambda path: asked.append(path) or len(asked) == 1)
    scene = Scene(tmp_path)
    scene.folder.mkdir(exist_ok=True)
    (scene.folder / "a.txt").write_text("a")
    with scene.rehearsal:
        scene.watch()
        assert scene.names() == ["a.txt"]
        scene.inbox.stop_monitoring()


def test_a_file_that_arrives_during_the_first_scan_is_new_though_what_was_there_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(tmp_path, init_state="old")
    scene.folder.mkdir(exist_ok=True)
    (scene.folder / "before.txt").write_text("before")
    walk = scene.inbox._folder.walk

    def arrives_first(top: str) -> Iterator[tuple[str, os.stat_result]]:
        (scene.folder / "meanwhile.txt").write_text("meanwhile")
        yield from walk(top)

    monkeypatch.setattr(scene.inbox._folder, "walk", arrives_first)
    with scene.rehearsal:
        scene.watch()
        assert (scene.names("new"), scene.names("old")) == (["meanwhile.txt"], ["before.txt"])
        scene.inbox.stop_monitoring()


def test_where_closing_is_not_told_a_file_counts_once_it_has_been_quiet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS, where neither events nor leases say that somebody is still writing."""
    monkeypatch.setattr(observer, "QUIET", 0.2)
    monkeypatch.setattr(filesystem, "_watch", lambda root: observer.ObservedFolder(root, closing_is_told=False))
    monkeypatch.setattr(filesystem, "is_being_written", lambda path: False)
    scene = Scene(tmp_path)
    with scene.rehearsal:
        scene.watch()
        sizes: list[int] = []
        with (scene.folder / "slow.txt").open("w") as file:
            for _ in range(10):
                file.write("piece ")
                file.flush()
                (tmp_path / "moved.txt").write_text("whole")
                (tmp_path / "moved.txt").rename(scene.folder / f"{len(sizes)}.txt")
                sizes.append(len(scene.names()))
        scene.look_until(lambda: "slow.txt" in scene.names())
        (row,) = [row for row in scene.inbox._select("all") if row["location"] == "slow.txt"]
        assert (row["size"], row["version"]) == (60, 1)
        scene.inbox.stop_monitoring()


def test_a_folder_given_by_a_symbolic_link_is_watched(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "inbox").symlink_to(tmp_path / "real")
    scene = Scene(tmp_path)
    with scene.rehearsal:
        scene.watch()
        (tmp_path / "real" / "a.txt").write_text("a")
        scene.look_until(lambda: scene.names() == ["a.txt"])
        scene.inbox.stop_monitoring()


def test_a_path_longer_than_a_location_may_be_costs_nobody_else_a_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filesystem, "MAX_LOCATION", 20)
    scene = Scene(tmp_path)
    scene.folder.mkdir(exist_ok=True)
    (scene.folder / ("long" * 10)).write_text("x")
    (scene.folder / "short.txt").write_text("y")
    with scene.rehearsal:
        scene.watch()
        assert scene.names("all") == ["short.txt"]
        scene.inbox.stop_monitoring()


def test_many_files_that_vanish_at_once_are_forgotten_in_time_that_grows_with_their_number() -> None:
    gone = {f"batch{number}" for number in range(50_000)}
    locations = [f"batch{number}/deep/{number}.txt" for number in range(50_000)]
    began = time.process_time()
    assert all(filesystem._within(location, gone) for location in locations)
    assert not filesystem._within("batchx/1.txt", gone)
    assert not filesystem._within("other/batch1", gone), "a name in the middle is another folder"
    assert time.process_time() - began < 5


def test_a_folder_that_goes_takes_its_files_with_it_also_those_whose_names_are_no_text(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    (scene.folder / "sub").mkdir(parents=True)
    (scene.folder / "sub" / os.fsdecode(b"caf\xe9.txt")).write_text("x")
    with scene.rehearsal:
        scene.watch()
        assert len(scene.names()) == 1
        (scene.folder / "sub").rename(tmp_path / "away")
        scene.look_until(lambda: scene.names() == [])
        scene.inbox.stop_monitoring()


def test_an_artifact_is_tagged_by_its_location_or_by_its_id(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.folder.mkdir(exist_ok=True)
    (scene.folder / "a.txt").write_text("x")
    with scene.rehearsal:
        scene.watch()
        (row,) = scene.inbox._select("new")
        scene.inbox.tag_artifact("a.txt", quality="good")
        scene.inbox.tag_artifact(str(scene.folder / "a.txt"), source="scan")
        scene.inbox.tag_artifact(row["id"], quality="better")
        tags = scene.rehearsal._tables.select("artifact_tags", {"artifact_id": row["id"]})
        assert {tag["key"] for tag in tags} == {"quality", "source"}
        scene.inbox.stop_monitoring()


def test_the_newest_old_artifacts_are_listed_in_the_order_they_came(tmp_path: Path) -> None:
    scene = Scene(tmp_path, init_state="old", max_old_samples=2)
    scene.folder.mkdir(exist_ok=True)
    for number in range(5):
        (scene.folder / f"{number}.txt").write_text("x")
    with scene.rehearsal:
        scene.watch()
        every = [row["id"] for row in scene.rehearsal._tables.select("artifacts", {"resource": "inbox"})]
        assert [row["id"] for row in scene.inbox._select("old")] == every[-2:]
        scene.inbox.stop_monitoring()
