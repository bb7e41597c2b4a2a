"""The store while its disk is full, its database locked, damaged or read-only: nodes wait, nothing is acknowledged that
is not committed, somebody says what is wrong, and when the trouble is over everything goes on.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anacostia_daemon.control.client import ControlFailure
from node_sdk.errors import Refused
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.wire.link import Beat
from node_sdk.wire.loader import Loaded
from node_sdk.wire.store import Count, StartRun
from tests.integration.daemon_process import TINY, daemon_of_a_test
from tests.integration.test_node_process import END, NODES, START, Tiny, operator

OFTEN = "store.heartbeat_timeout = 2.0  # so that what it does is heard at once\n"
CLONE_NEWNS = 0x20000


class Troubled(Tiny):
    """The tiny pipeline, its database in a folder `disk`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "disk").mkdir()

    def load_troubled(self) -> None:
        text = START.replace("{here}/runs.db", "{here}/disk/runs.db") + OFTEN + END
        file = self.folder / "tiny.py"
        file.write_text(text)
        answer = self.load(file)
        assert isinstance(answer, Loaded), answer

    def up_troubled(self) -> None:
        self.load_troubled()
        self.start(*NODES)

    @property
    def database(self) -> Path:
        return self.folder / "disk" / "runs.db"

    def select(self, query: str) -> list[dict[str, Any]]:
        return self.rows(self.database, query)

    def trouble(self, words: str) -> None:
        """Wait until the store says that it is in trouble, and some beats more."""

        def said() -> bool:
            beats = [each.work for each in self.heard if isinstance(each, Beat) and each.node == "store"]
            return len(beats) >= 2 and all(
                each.startswith("cannot commit: ") and words in each and each.endswith("; trying again")
                for each in beats[-2:]
            )

        self.wait(said, f"the store says {words!r}")

    def all_well(self, run: int) -> None:
        """The run succeeds, in the same process of the store."""
        self.run_ended(run)
        self.wait(lambda: self.work("store") == "idle", "the store says that it is well")
        assert self.incarnations["store"] == 1
        log = self.log("tiny", "store")
        assert log.count("; trying again until it can") == 1  # said once, not at each try
        assert "the metadata store can work again, after" in log


@pytest.fixture
def troubled(tmp_path: Path) -> Iterator[Troubled]:
    with Troubled(tmp_path) as made:
        yield made


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Tiny]:
    with Tiny(tmp_path) as made:
        yield made


@pytest.fixture
def disk(troubled: Troubled) -> Iterator[Path]:
    """Of one MiB, in a mount namespace of this test: whatever becomes of the test, no mount is left behind."""
    libc = ctypes.CDLL(None, use_errno=True)
    outside, here = os.open("/proc/self/ns/mnt", os.O_RDONLY), Path.cwd()
    if libc.unshare(CLONE_NEWNS):
        os.close(outside)
        pytest.skip("needs root, for a disk of its own")
    try:
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        folder = troubled.database.parent
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "anacostia-test", str(folder)], check=True)
        yield folder
    finally:
        if libc.setns(outside, CLONE_NEWNS):
            raise OSError(ctypes.get_errno(), "cannot go back to the mounts of all")
        os.close(outside)
        os.chdir(here)


@contextlib.contextmanager
def read(database: Path) -> Iterator[None]:
    """Another program reads the database all the while, so that its log cannot be cleared away to make room."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM runs").fetchall()
        yield


@contextlib.contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another program has the database for itself."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


def fill(folder: Path) -> Path:
    """Not one byte more fits on this disk."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return ballast


# ---- a full disk


def test_on_a_full_disk_nodes_wait_and_go_on_when_there_is_room_again(troubled: Troubled, disk: Path) -> None:
    troubled.up_troubled()
    troubled.drop("a")
    troubled.run_ended(1)
    with read(troubled.database):
        ballast = fill(disk)
        troubled.drop("b")
        troubled.trouble("database or disk is full")
        assert [row["id"] for row in troubled.select("select id from runs")] == [1]
        with operator(troubled) as asking:
            for wish in (StartRun("token"), Count("runs", {})):  # people are told at once, and nothing is done later
                with pytest.raises(Refused, match="database or disk is full") as refused:
                    asking.ask(wish)
                assert refused.value.kind == "unavailable"
        ballast.unlink()
    troubled.all_well(2)
    assert [row["id"] for row in troubled.select("select id from runs")] == [1, 2]
    assert [each for each in troubled.notes() if each.startswith("job run")] == [
        "job run 1 attempt 1",
        "job run 2 attempt 1",
    ]


def test_a_task_that_ends_on_a_full_disk_is_not_over_before_its_completion_is_committed(
    troubled: Troubled, disk: Path
) -> None:
    troubled.up_troubled()
    troubled.close_gate()
    troubled.drop("a")
    troubled.wait_note("at gate")
    with read(troubled.database):
        ballast = fill(disk)
        troubled.open_gate()
        troubled.trouble("database or disk is full")
        assert troubled.task(1, "job")["state"] in ("pending", "executing")
        assert "after run 1 attempt 1" not in troubled.notes()
    troubled.kill("store")  # and if it dies now, the node that waits is as patient with the next
    ballast.unlink()
    troubled.start("store")
    troubled.run_ended(1)
    assert troubled.notes().count("job run 1 attempt 1") == 1
    assert troubled.select("select value from metrics") == [{"value": 1.0}]


# ---- a lock


def test_while_another_program_locks_the_database_nodes_wait(troubled: Troubled) -> None:
    troubled.up_troubled()
    with locked(troubled.database):
        troubled.drop("a")
        troubled.trouble("database is locked")
    troubled.all_well(1)


def test_a_task_that_ends_while_the_database_is_locked_is_not_over_and_nobody_goes_on(troubled: Troubled) -> None:
    troubled.up_troubled()
    troubled.close_gate()
    troubled.drop("a")
    troubled.wait_note("at gate")
    with locked(troubled.database):
        troubled.open_gate()
        troubled.trouble("database is locked")
        assert troubled.task(1, "job")["state"] in ("pending", "executing")
        assert "after run 1 attempt 1" not in troubled.notes()
    troubled.all_well(1)
    assert troubled.notes().count("after run 1 attempt 1") == 1


def test_a_store_that_is_killed_while_the_database_is_locked_and_started_again_says_why_it_cannot(
    troubled: Troubled,
) -> None:
    troubled.up_troubled()
    with locked(troubled.database):
        troubled.drop("a")
        troubled.trouble("database is locked")
        troubled.kill("store")
        troubled.spawn("store")
        words = troubled.last_words("store")
        assert words.kind == "setup"
        assert words.message.startswith("cannot open the metadata store at sqlite:///")
        assert "database is locked" in words.message
        assert troubled.exited("store").exit_code == 1
    troubled.start("store")
    troubled.run_ended(1)


def test_a_store_in_trouble_can_be_stopped(troubled: Troubled) -> None:
    troubled.up_troubled()
    with locked(troubled.database):
        troubled.drop("a")
        troubled.trouble("database is locked")
        assert troubled.stop("store").exit_code == 0
    troubled.start("store")
    troubled.run_ended(1)


def test_status_says_what_is_wrong_reading_still_answers_and_a_wish_is_refused_in_words() -> None:
    with daemon_of_a_test() as daemon:
        text = TINY.replace("incoming = ", "store.heartbeat_timeout = 2.0\n    incoming = ", 1)
        daemon.start(daemon.write("tiny.py", text))
        (daemon.folder / "incoming" / "a.txt").write_text("a")
        daemon.until(lambda: [run["state"] for run in daemon.ask("runs", pipeline="tiny")] == ["succeeded"], "a run")
        with locked(daemon.folder / "metadata.db"):
            (daemon.folder / "incoming" / "b.txt").write_text("b")
            wrong = "cannot commit: database is locked; trying again"
            daemon.until(lambda: daemon.nodes()["store"]["work"] == wrong, "status says what is wrong")
            assert daemon.nodes()["store"]["phase"] == "ready"
            assert [run["id"] for run in daemon.ask("runs", pipeline="tiny")] == [1]
            with pytest.raises(ControlFailure, match="database is locked"):
                daemon.ask("trigger", pipeline="tiny", token="one")
        daemon.until(lambda: len(daemon.ask("runs", pipeline="tiny")) == 2, "the run that had to wait")
        assert daemon.nodes()["store"]["restarts"] == 0


# ---- a file that is gone


def test_a_database_that_is_removed_in_use_is_missed_at_once_and_not_made_anew_until_it_is_back(
    troubled: Troubled,
) -> None:
    troubled.up_troubled()
    troubled.drop("a")
    troubled.run_ended(1)
    aside = troubled.folder / "aside.db"
    troubled.database.rename(aside)
    troubled.drop("b")
    troubled.trouble("its file was removed or replaced while it was in use; put it back")
    assert not troubled.database.exists()
    aside.rename(troubled.database)
    troubled.all_well(2)


@pytest.mark.parametrize("how", ["removed", "emptied"])
def test_a_database_that_is_missing_when_the_store_is_restarted_is_not_replaced_by_an_empty_one(
    troubled: Troubled, how: str
) -> None:
    troubled.up_troubled()
    troubled.drop("a")
    troubled.run_ended(1)
    assert troubled.stop("store").exit_code == 0
    aside = troubled.folder / "aside.db"
    troubled.database.rename(aside)
    if how == "emptied":
        troubled.database.touch()
    troubled.spawn("store")
    said = troubled.last_words("store")
    note = troubled.data / "tiny" / "history"
    assert said.kind == "setup"
    assert "its history is gone: this pipeline had runs there" in said.message
    assert f"to begin with no history, remove {note}" in said.message
    assert troubled.exited("store").exit_code == 1
    assert troubled.database.exists() == (how == "emptied")
    aside.rename(troubled.database)
    troubled.start("store")
    troubled.drop("b")
    troubled.run_ended(2)
    troubled.stop("store")
    troubled.database.unlink()
    note.unlink()  # the way out
    troubled.start("store")
    assert troubled.select("select * from runs") == []


def test_a_store_that_forgets_with_its_process_may_begin_with_nothing_each_time(tiny: Tiny) -> None:
    text = START.replace('SqliteMetadataStore("store", f"sqlite:///{here}/runs.db")', 'MemoryMetadataStore("store")')
    (tiny.folder / "tiny.py").write_text(f"from node_sdk.metadata.memory import MemoryMetadataStore\n{text}{END}")
    assert isinstance(tiny.load(tiny.folder / "tiny.py"), Loaded)
    tiny.start("store")
    tiny.stop("store")
    tiny.start("store")


# ---- a file that is no good


def damage(path: Path, first: int) -> None:
    """Everything from byte `first` on is lost."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(first)
        file.write(os.urandom(size - first))


@pytest.mark.parametrize(
    ("first", "words"), [(0, "file is not a database"), (4096, "database disk image is malformed")]
)
def test_a_damaged_database_is_not_tried_for_ever_and_the_way_out_is_said(
    troubled: Troubled, first: int, words: str
) -> None:
    troubled.load_troubled()
    database = troubled.database
    store = SqliteMetadataStore("store", f"sqlite:///{troubled.folder}/disk/runs.db")
    store.open()
    store.close()
    copy = database.read_bytes()
    damage(database, first)
    troubled.spawn("store")
    said = troubled.last_words("store")
    assert said.kind == "setup"
    assert words in said.message
    assert "put a copy back; to begin anew, remove the pipeline and move the file away" in said.message
    assert troubled.exited("store").exit_code == 1
    database.write_bytes(copy)
    troubled.start(*NODES)


def test_a_disk_that_cannot_be_written_is_named_and_works_once_it_can(troubled: Troubled, disk: Path) -> None:
    troubled.load_troubled()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    troubled.spawn("store")
    words = troubled.last_words("store")
    assert words.kind == "setup"
    assert f"the file system of {disk} is read-only; mount it for writing" in words.message
    assert troubled.exited("store").exit_code == 1
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    troubled.start(*NODES)
    troubled.drop("a")
    troubled.run_ended(1)
