"""A hundred thousand files: each becomes an artifact exactly once, in bounded memory, in about the time that looking at
them, hashing them and writing a row for each takes by itself."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from node_sdk.metadata.connect import connect_sqlite
from tests.integration import loader_driver
from tests.integration.test_node_process import Tiny

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # half a minute, where nothing else is going on

FILES = 100_000
MIB = 2**20
GROWTH = 24  # MiB that a process may need more than an idle neighbour that was forked from the same loader
ALL_AT_ONCE = f"""
class Files(FilesystemStoreNode):
    def trigger_condition(self):
        return self.get_num_artifacts("new") >= {FILES}
"""
NEVER = """
class Files(FilesystemStoreNode):
    def trigger_condition(self):
        return False
"""
RECORDED = "select count(*) n, count(distinct location) names, max(version) version from artifacts"
ALL = {"n": FILES, "names": FILES, "version": 1}
ROW = {"resource": "in", "version": 1, "latest": True, "state": "new", "run_id": None, "made_by_run": None} | {
    "made_by_node": None, "mtime_ns": 1, "published": True, "staging": None, "created_at": 1.0, "reason": None
}  # fmt: skip


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tiny]:
    monkeypatch.setattr(loader_driver, "PATIENCE", 120.0)
    with Tiny(tmp_path) as made:
        yield made


def make_files(folder: Path, count: int = FILES) -> None:
    for number in range(count):
        if number % 10_000 == 0:
            below = folder / f"{number // 10_000:02}"
            below.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(f"{below}/{number:06}.txt", os.O_WRONLY | os.O_CREAT)  # half of the time of open()
        os.write(descriptor, b"%d an old silent pond\n" % number)
        os.close(descriptor)


def raw_cost(folder: Path, database: Path) -> float:
    """Seconds for a walk, sha256 of each file and a row for each, 500 in a transaction, with nothing around it."""
    began = time.monotonic()
    store = connect_sqlite(database, "raw", read_only=False, synchronous="FULL")
    batch: list[tuple[str, str, int]] = []
    for above, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(above, name)
            data = Path(path).read_bytes()
            batch.append((os.path.relpath(path, folder), hashlib.sha256(data).hexdigest(), os.stat(path).st_size))
            if len(batch) == 500:
                with store.transaction():
                    for location, digest, size in batch:
                        store.insert("artifacts", {**ROW, "location": location, "sha256": digest, "size": size})
                batch = []
    store.close()
    return time.monotonic() - began


def peak(pid: int) -> float:
    """MiB of memory that the process has held at most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def check_memory(tiny: Tiny) -> dict[str, float]:
    idle = peak(tiny.pid("models"))
    grown = {node: round(peak(tiny.pid(node)) - idle, 1) for node in ("files", "store")}
    assert all(each < GROWTH for each in grown.values()), grown
    return grown


def test_a_hundred_thousand_files_that_are_there_before_the_start_are_one_run(tiny: Tiny) -> None:
    make_files(tiny.folder / "in")
    raw = raw_cost(tiny.folder / "in", tiny.folder / "raw.db")
    tiny.load_tiny(ALL_AT_ONCE)
    tiny.start("store", "models", "job", "after")
    began = time.monotonic()
    tiny.start("files")
    tiny.wait(lambda: tiny.select(RECORDED) == [ALL], "all files are recorded")
    took = time.monotonic() - began
    print(f"{FILES} files: {took:.1f} s, by itself {raw:.1f} s; peaks above an idle node (MiB)", check_memory(tiny))
    tiny.run_ended(1)
    assert tiny.select("select count(*) n from artifacts where state = 'old' and run_id = 1") == [{"n": FILES}]
    assert took < 5 * raw + 5  # about 1 where nothing else is going on


def test_a_hundred_thousand_files_that_are_moved_in_at_once_are_each_recorded_once(tiny: Tiny) -> None:
    make_files(tiny.folder / "outside")
    tiny.up(NEVER)
    began = time.monotonic()
    for above, _, names in os.walk(tiny.folder / "outside"):
        for name in names:
            os.rename(f"{above}/{name}", f"{tiny.folder}/in/{name}")
    moved = time.monotonic() - began
    tiny.wait(lambda: tiny.select(RECORDED) == [ALL], "all files are recorded")
    took = time.monotonic() - began
    memory = check_memory(tiny)
    print(f"{FILES} files: {took:.1f} s ({moved:.1f} s of moving); peaks (MiB)", memory)


def test_a_folder_moved_in_whole_with_all_that_is_nested_in_it_is_recorded_once(tiny: Tiny) -> None:
    count = 20_000
    make_files(tiny.folder / "outside" / "a" / "b", count)
    tiny.up(NEVER)
    (tiny.folder / "outside").rename(tiny.folder / "in" / "batch")
    tiny.wait(lambda: tiny.select(RECORDED) == [{"n": count, "names": count, "version": 1}], "all files are recorded")
    (tiny.folder / "in/batch/a/b/00/later.txt").write_text("its folder is watched too")
    later = "select 1 from artifacts where location = 'batch/a/b/00/later.txt'"
    tiny.wait(lambda: tiny.select(later), "a later file is recorded")
    check_memory(tiny)


# ---- events that are lost


def test_events_that_overflow_the_queue_of_the_kernel_lose_no_file_and_double_none(tiny: Tiny) -> None:
    tiny.up(NEVER)
    inbox, most = tiny.folder / "in", int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    (inbox / "kept.txt").write_text("there before")
    (inbox / "gone.txt").write_text("there before")
    tiny.wait(lambda: len(tiny.select("select 1 from artifacts")) == 2, "what was there before is recorded")
    os.kill(tiny.pid("files"), signal.SIGSTOP)
    for number in range(most // 2 + 100):  # two events each: opened for writing, or made, and closed
        (inbox / f"{number}.txt").write_text(f"{number}")
    (inbox / "gone.txt").unlink()
    (inbox / "new").mkdir()  # nothing tells of it any more
    (inbox / "new" / "deep.txt").write_text("deep")
    os.kill(tiny.pid("files"), signal.SIGCONT)
    there = most // 2 + 100 + 2
    tiny.wait(lambda: tiny.select(RECORDED)[0]["n"] == there, "all files are recorded")
    assert "looked through again" in tiny.log("tiny", "files")
    (inbox / "new" / "later.txt").write_text("later")
    tiny.wait(lambda: tiny.select("select 1 from artifacts where location = 'new/later.txt'"), "the folder is watched")
    assert tiny.select(RECORDED) == [{"n": there + 1, "names": there + 1, "version": 1}]
    assert not tiny.select("select 1 from artifacts where location = 'gone.txt'")


def test_a_folder_that_is_deleted_and_made_again_is_watched_on_also_by_the_next_process(tiny: Tiny) -> None:
    tiny.up(NEVER)
    inbox = tiny.folder / "in"
    new = "select location from artifacts where state = 'new' order by location"

    def recorded(*names: str) -> None:
        tiny.wait(lambda: [each["location"] for each in tiny.select(new)] == list(names), f"{names} are recorded")

    tiny.drop("a.txt")
    recorded("a.txt")
    (inbox / "a.txt").unlink()
    inbox.rmdir()
    tiny.wait(inbox.is_dir, "the folder is made again")
    tiny.drop("b.txt")
    recorded("b.txt")
    tiny.kill("files")
    (inbox / "b.txt").unlink()
    inbox.rmdir()
    inbox.mkdir()
    tiny.drop("c.txt")
    tiny.start("files", crashed=True)
    recorded("c.txt")
    tiny.kill("files")
    (inbox / "c.txt").unlink()
    inbox.rmdir()
    tiny.start("files", crashed=True)
    recorded()
    tiny.drop("d.txt")
    recorded("d.txt")
