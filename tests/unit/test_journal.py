"""The daemon's journal: what is written is there again, whatever happened in between."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from anacostia_daemon.journal.journal import Entry, Journal, JournalUnusable, LoaderRow, NodeRow, PipelineRow

DIGITS = PipelineRow(
    name="digits",
    file="/srv/digits/pipeline.py",
    object="pipeline",
    argv=("--path", "with space"),
    cwd="/srv/digits",
    python="/srv/venv/bin/python",
    env={"PATH": "/bin", "QUOTED": "100 % \"of\" 'it'\n"},
    graph='{"@": "GraphSpec"}',
    desired="paused",
    created=1_700_000_000.25,
)
TRAIN = NodeRow(
    pipeline="digits",
    name="train",
    desired="up",
    phase="ready",
    reason="set up",
    incarnation=3,
    pid=4242,
    started=1_700_000_001.5,
    boot_id="b00t",
    ready_at=1_700_000_002.5,
    restarts=2,
    crashed=True,
    end_reason="killed by SIGSEGV",
    end_signal=11,
    end_at=1_700_000_000.5,
)


def line(number: int, pipeline: str = "digits", node: str | None = "train") -> Entry:
    return Entry(at=float(number), pipeline=pipeline, node=node, incarnation=1, event="beat", reason=str(number))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    journal = Journal(path)
    with journal.turn():
        journal.save_pipeline(DIGITS)
        journal.save_node(TRAIN)
    yield journal
    journal.close()


def test_what_was_written_is_there_when_it_is_opened_again(journal: Journal, path: Path) -> None:
    with journal.turn():
        journal.save_loader(LoaderRow(pipeline="digits", pid=17, started=1.5, boot_id="b00t"))
        journal.write(Entry(at=1.0, pipeline="digits", event="desired", from_="down", to="up", reason="asked"))
    journal.close()
    again = Journal(path)
    assert again.pipelines() == [DIGITS]
    assert again.pipeline("digits") == DIGITS
    assert again.nodes("digits") == {"train": TRAIN}
    assert again.loaders("digits") == [LoaderRow(pipeline="digits", pid=17, started=1.5, boot_id="b00t")]
    assert again.entries() == [Entry(at=1.0, pipeline="digits", event="desired", from_="down", to="up", reason="asked")]
    again.close()


def test_what_is_wanted_is_kept_apart_for_the_pipeline_and_its_nodes(journal: Journal, path: Path) -> None:
    with journal.turn():
        journal.set_pipeline_desired("digits", "down")
        journal.save_node(replace(TRAIN, desired="paused"))
    journal.close()
    again = Journal(path)
    row = again.pipeline("digits")
    assert row is not None and row.desired == "down"
    assert again.nodes("digits")["train"].desired == "paused"
    again.close()


def test_a_turn_that_raises_leaves_nothing_behind(journal: Journal) -> None:
    with pytest.raises(KeyError), journal.turn():
        journal.save_node(replace(TRAIN, phase="killing"))
        journal.write(line(1))
        raise KeyError("a fault in the loop")
    assert journal.nodes("digits") == {"train": TRAIN}
    assert journal.entries() == []
    with journal.turn():
        journal.save_node(replace(TRAIN, phase="killing"))
    assert journal.nodes("digits")["train"].phase == "killing"


def test_a_turn_that_changes_nothing_writes_nothing(journal: Journal, path: Path) -> None:
    other = sqlite3.connect(path)
    before = other.execute("PRAGMA data_version").fetchone()
    with journal.turn():
        journal.save_node(TRAIN)
    assert other.execute("PRAGMA data_version").fetchone() == before
    other.close()


def test_what_is_written_is_on_disk_when_the_turn_is_left(path: Path) -> None:
    """A daemon that dies at once, without closing anything, has lost nothing."""
    program = """if True:
        import os, pathlib, sys
        from anacostia_daemon.journal.journal import Entry, Journal
        journal = Journal(pathlib.Path(sys.argv[1]), keep_days=1e6)
        with journal.turn():
            journal.write(Entry(at=1.0, pipeline="digits", event="desired", reason="whole"))
        with journal.turn():
            journal.write(Entry(at=2.0, pipeline="digits", event="desired", reason="cut short"))
            os._exit(9)
    """
    assert subprocess.run([sys.executable, "-c", program, str(path)]).returncode == 9
    journal = Journal(path, keep_days=1e6)
    assert [each.reason for each in journal.entries()] == ["whole"]
    journal.close()


@pytest.mark.parametrize(
    ("row", "waits"),
    [
        (replace(TRAIN, phase="killing", pid=None), False),
        (replace(TRAIN, incarnation=4), True),
        (replace(TRAIN, desired="down"), True),
        (replace(TRAIN, done=True), True),
        (replace(TRAIN, phase="failed"), True),
        (replace(TRAIN, name="new"), True),
    ],
    ids=["a process ended", "a new number", "a wish", "done for good", "given up", "a new node"],
)
def test_only_what_must_outlive_a_power_failure_waits_for_the_disk(journal: Journal, row: NodeRow, waits: bool) -> None:
    with journal.turn():
        journal.save_node(TRAIN)
    with journal.turn():
        journal.save_node(row)
    assert journal._connection.execute("PRAGMA synchronous").fetchone() == ((2,) if waits else (1,))  # FULL, NORMAL


def test_writing_outside_of_a_turn_is_refused(journal: Journal) -> None:
    with pytest.raises(RuntimeError, match="no turn is under way"):
        journal.write(line(1))
    with pytest.raises(RuntimeError, match="one is under way"), journal.turn(), journal.turn():
        pass


# ---- incarnation numbers


def test_an_incarnation_number_never_goes_down(journal: Journal) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="given twice"), journal.turn():
        journal.save_node(replace(TRAIN, incarnation=2))
    assert journal.nodes("digits")["train"].incarnation == 3


def test_a_pipeline_that_is_removed_and_registered_again_goes_on_counting(journal: Journal, path: Path) -> None:
    with journal.turn():
        journal.remove_pipeline("digits")
    assert (journal.pipelines(), journal.nodes("digits")) == ([], {})
    journal.close()
    again = Journal(path)
    assert again.last_incarnation("digits", "train") == 3
    assert again.last_incarnation("digits", "other") == 0
    with again.turn():
        again.save_pipeline(DIGITS)
        again.save_node(replace(TRAIN, incarnation=4))
    with pytest.raises(sqlite3.IntegrityError), again.turn():
        again.save_node(replace(TRAIN, incarnation=1))
    again.close()


def test_a_node_that_is_removed_leaves_its_number(journal: Journal) -> None:
    with journal.turn():
        journal.remove_node("digits", "train")
    assert journal.nodes("digits") == {}
    assert journal.last_incarnation("digits", "train") == 3
    with journal.turn():
        journal.save_node(TRAIN)
    assert journal.nodes("digits") == {"train": TRAIN}


def test_removing_a_pipeline_forgets_its_loader_and_keeps_its_entries(journal: Journal) -> None:
    with journal.turn():
        journal.save_loader(LoaderRow(pipeline="digits", pid=17, started=1.5, boot_id="b00t"))
        journal.write(line(1))
        journal.remove_pipeline("digits")
    assert journal.loaders("digits") == []
    assert journal.entries("digits") == [line(1)]


# ---- entries


def test_entries_are_the_last_ones_oldest_first_of_a_pipeline_or_a_node(journal: Journal) -> None:
    with journal.turn():
        for number in range(6):
            journal.write(line(number, "digits" if number % 2 else "other", "train" if number < 4 else "test"))
    assert [each.at for each in journal.entries()] == [0, 1, 2, 3, 4, 5]
    assert [each.at for each in journal.entries(limit=2)] == [4, 5]
    assert [each.at for each in journal.entries("digits")] == [1, 3, 5]
    assert [each.at for each in journal.entries("digits", "train")] == [1, 3]
    assert journal.entries(limit=0) == []


def test_old_entries_are_pruned_per_pipeline(path: Path) -> None:
    journal = Journal(path, keep=5, keep_days=1e6)
    with journal.turn():
        journal.write(line(0, "quiet"))
    for number in range(50):
        with journal.turn():
            journal.write(line(number, "loud"))
    assert [each.reason for each in journal.entries("quiet")] == ["0"]
    kept = [each.at for each in journal.entries("loud", limit=1000)]
    assert 5 <= len(kept) <= 10
    assert kept[-5:] == [45, 46, 47, 48, 49]
    journal.close()


def test_entries_that_are_too_old_go_but_for_the_newest_of_a_pipeline_that_is_registered(path: Path) -> None:
    now = 100 * 86400.0
    journal = Journal(path, clock=lambda: now)
    with journal.turn():
        journal.save_pipeline(replace(DIGITS, name="digits"))
        for number in range(250):
            journal.write(line(number, "digits"))
            journal.write(line(number, "removed"))
        journal.write(line(int(now), "removed"))
    assert [each.at for each in journal.entries("digits", limit=1000)] == list(range(50, 250))
    assert [each.at for each in journal.entries("removed", limit=1000)] == [now]
    journal.close()


def test_shapes_that_are_set_are_those_of_all_nodes_of_their_pipeline_and_of_no_other(journal: Journal) -> None:
    other = replace(TRAIN, pipeline="other", shape="abc")
    with journal.turn():
        journal.save_pipeline(replace(DIGITS, name="other"))
        journal.save_node(other)
        journal.save_node(replace(TRAIN, shape="abc"))
    with journal.turn():
        journal.set_shapes("digits", "unknown")
    assert journal.nodes("digits") == {"train": replace(TRAIN, shape="unknown")}
    assert journal.nodes("other") == {"train": other}
    with journal.turn():
        journal.save_node(replace(TRAIN, shape="abc"))  # as it was before: written all the same
    assert journal.nodes("digits")["train"].shape == "abc"


# ---- files that are older


def as_version_2(connection: sqlite3.Connection) -> None:
    for column in ("env_file", "env_kept", "settings"):
        connection.execute(f"ALTER TABLE pipelines DROP COLUMN {column}")
    connection.execute("PRAGMA user_version = 2")


def as_version_1(connection: sqlite3.Connection) -> None:
    as_version_2(connection)
    connection.executescript(
        "ALTER TABLE nodes DROP COLUMN shape; DROP TABLE loaders; PRAGMA user_version = 1;"
        "CREATE TABLE loaders (pipeline TEXT PRIMARY KEY REFERENCES pipelines (name) ON DELETE CASCADE,"
        " pid INTEGER NOT NULL, started REAL NOT NULL, boot_id TEXT NOT NULL);"
    )


def test_a_journal_of_version_1_is_brought_up_to_date_with_all_that_it_knows(journal: Journal, path: Path) -> None:
    with journal.turn():
        journal.save_node(replace(TRAIN, shape="abc"))
    as_version_1(journal._connection)
    journal._connection.execute("INSERT INTO loaders VALUES ('digits', 17, 1.5, 'b00t')")
    journal.close()

    again = Journal(path)
    assert again.pipelines() == [DIGITS]
    assert again.nodes("digits") == {"train": TRAIN}  # of which shape it is, version 1 did not know
    assert again.loaders("digits") == [LoaderRow(pipeline="digits", pid=17, started=1.5, boot_id="b00t")]
    with again.turn():
        again.save_loader(LoaderRow(pipeline="digits", pid=18, started=2.5, boot_id="b00t"))
    assert [each.pid for each in again.loaders("digits")] == [17, 18]
    again.close()


def test_a_journal_of_version_2_is_brought_up_to_date_with_all_that_it_knows(journal: Journal, path: Path) -> None:
    shaped, kept = replace(TRAIN, shape="abc"), replace(DIGITS, env_kept="0123", settings={"train": {"nice": 3}})
    with journal.turn():
        journal.save_node(shaped)
        journal.save_loader(LoaderRow(pipeline="digits", pid=17, started=1.5, boot_id="b00t"))
    as_version_2(journal._connection)
    journal.close()

    again = Journal(path)
    assert again.pipelines() == [DIGITS]
    assert again.nodes("digits") == {"train": shaped}
    assert again.loaders("digits") == [LoaderRow(pipeline="digits", pid=17, started=1.5, boot_id="b00t")]
    with again.turn():
        again.save_pipeline(kept)
    assert again.pipelines() == [kept]
    again.close()


# ---- files that cannot be used


def test_a_journal_of_a_newer_daemon_is_refused_and_stays_as_it_is(journal: Journal, path: Path) -> None:
    journal._connection.execute("PRAGMA user_version = 99")
    journal.close()
    before = path.read_bytes()
    with pytest.raises(JournalUnusable, match=r"a newer daemon wrote it \(schema 99, this daemon knows 3\); install"):
        Journal(path)
    assert path.read_bytes() == before


def test_a_database_of_something_else_is_refused_and_stays_as_it_is(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE songs (title TEXT)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(JournalUnusable, match="it is a database of something else; move it away"):
        Journal(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_with_the_way_out(path: Path) -> None:
    path.write_bytes(b"not a database at all, by no means. " * 40)
    with pytest.raises(JournalUnusable) as caught:
        Journal(path)
    assert str(caught.value).startswith(f"cannot use the journal {path}: it is damaged (file is not a database)")
    assert "move it away" in str(caught.value)
    assert "anacostiactl start FILE" in str(caught.value)


def test_a_damaged_journal_is_refused_with_the_way_out(journal: Journal, path: Path) -> None:
    with journal.turn():
        for number in range(400):
            journal.write(line(number))
    journal.close()
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 12] = os.urandom(4096 * 9)
    path.write_bytes(content)
    with pytest.raises(JournalUnusable, match="it is damaged"):
        Journal(path)


def test_a_journal_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalUnusable, match=r"cannot .* the journal .*: unable to open database file"):
        Journal(tmp_path / "nowhere" / "journal.db")


def test_a_start_that_was_cut_short_leaves_a_file_that_can_be_used(path: Path) -> None:
    path.touch()
    journal = Journal(path)
    assert journal.pipelines() == []
    journal.close()


def test_pipelines_are_listed_in_the_order_of_their_registration_whatever_the_wall_clock_did(path: Path) -> None:
    journal = Journal(path)
    with journal.turn():
        for name, created in (("first", 2e9), ("second", 1e9), ("third", 1.5e9)):
            journal.save_pipeline(replace(DIGITS, name=name, created=created))
    with journal.turn():
        journal.save_pipeline(replace(DIGITS, name="first", created=2e9, desired="down"))

    assert [row.name for row in journal.pipelines()] == ["first", "second", "third"]
    journal.close()


def test_an_incarnation_number_is_never_forgotten(journal: Journal, path: Path) -> None:
    with journal.turn():
        journal.save_node(TRAIN)
    with sqlite3.connect(path) as other, pytest.raises(sqlite3.IntegrityError, match="would be given twice"):
        other.execute("DELETE FROM numbers")
    other.close()
    assert journal.last_incarnation("digits", "train") == 3
