"""A journal that cannot be written blocks nobody: who wanted to write hears of it at once, and it is tried again."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from anacostia_daemon.journal.journal import Journal, PipelineRow
from anacostia_daemon.supervisor.loop import Loop
from anacostia_daemon.supervisor.writing import WRITE_AGAIN, CannotWrite, Writing

ROW = PipelineRow(
    name="digits", file="/digits.py", object=None, argv=(), cwd="/", python="python", env={}, graph=None,
    desired="up", created=1.0,
)  # fmt: skip


class Place:
    """A journal, whoever else has locked it, and what was tried again."""

    def __init__(self, path: Path) -> None:
        self.now = 100.0
        self.loop = Loop(lambda: self.now)
        self.journal = Journal(path)
        self.other = sqlite3.connect(path, isolation_level=None)
        self.again: list[float] = []
        self.writing = Writing(self.loop, self.journal, path, lambda: self.again.append(self.now))

    def write(self) -> None:
        with self.writing.turn():
            self.journal.save_pipeline(ROW)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "journal.db")
    yield made
    made.loop.close()
    made.journal.close()
    made.other.close()


def test_a_journal_that_another_process_has_locked_is_not_waited_for(place: Place) -> None:
    place.other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()

    with pytest.raises(CannotWrite, match=r"cannot write the journal .*journal\.db: database is locked"):
        place.write()

    assert time.monotonic() - began < 2


def test_however_many_could_not_write_it_is_tried_again_once(place: Place) -> None:
    place.other.execute("BEGIN IMMEDIATE")
    for _ in range(5):
        with pytest.raises(CannotWrite):
            place.write()
    place.loop.turn(0)
    assert place.again == []

    place.now += WRITE_AGAIN
    place.loop.turn(0)
    place.now += WRITE_AGAIN
    place.loop.turn(0)

    assert place.again == [101.0]


def test_the_trouble_is_reported_once_and_over_only_when_something_was_written(
    place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    place.other.execute("BEGIN IMMEDIATE")
    for _ in range(3):
        with pytest.raises(CannotWrite):
            place.write()
        with place.writing.turn():
            pass  # nothing to write proves nothing
    assert "locked" in place.writing.trouble

    place.other.execute("ROLLBACK")
    place.write()

    assert place.writing.trouble == ""
    assert [each.name for each in place.journal.pipelines()] == ["digits"]
    reported = capfd.readouterr().err
    assert reported.count("cannot write the journal") == 1
    assert reported.count("can be written again") == 1
