"""The journal's file: ours, of a version that we know, and whole. Read only; a daemon may be at work with it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from anacostia_daemon.doctor.finding import Finding, fault, ok, warning
from anacostia_daemon.journal.schema import APPLICATION_ID, VERSION
from anacostia_daemon.paths import Home

_MIB = 1024 * 1024
_LARGE = 256 * _MIB
_AWAY = (
    "move it away (with its -wal and -shm) and start the daemon again, then each pipeline with its FILE; runs are safe"
)


@dataclass(frozen=True, slots=True)
class Registered:
    """A pipeline as the journal knows it: what is needed to start it."""

    name: str
    file: str
    python: str
    cwd: str
    desired: str


def check(home: Home) -> Iterator[Finding]:
    """Whether a daemon can use it."""
    path = home.journal
    if not path.exists():
        yield ok("journal", "none yet; the first daemon makes it")
        return
    try:
        with contextlib.closing(_opened(home)) as journal:
            yield _looked_through(journal)
    except sqlite3.OperationalError as error:
        yield fault("journal", f"{path} cannot be read: {error}", "see that it is yours and readable")
    except sqlite3.DatabaseError as error:
        yield fault("journal", f"{path} is damaged: {error}", _AWAY)
    if path.stat().st_size > _LARGE:
        size = f"{path} has {path.stat().st_size // _MIB} MiB"
        yield warning(
            "journal", size, "stop the daemon and run `sqlite3 journal.db VACUUM`: old entries left it that large"
        )


def registered(home: Home) -> list[Registered]:
    """The pipelines in it; none where it cannot be read."""
    if not home.journal.exists():
        return []
    try:
        with contextlib.closing(_opened(home)) as journal:
            rows = journal.execute("SELECT name, file, python, cwd, desired FROM pipelines ORDER BY rowid").fetchall()
    except sqlite3.Error:
        return []
    return [Registered(*row) for row in rows]


def _opened(home: Home) -> sqlite3.Connection:
    return sqlite3.connect(f"{home.journal.as_uri()}?mode=ro", uri=True, timeout=2.0)


def _looked_through(journal: sqlite3.Connection) -> Finding:
    if journal.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        return fault("journal", "journal.db is a database of something else", "use another home, or move it away")
    version = journal.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        words = f"a newer daemon wrote it (schema {version}, this one knows {VERSION})"
        return fault("journal", words, "install that version or a later one")
    found = journal.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        return fault("journal", f"it is damaged: {found}", _AWAY)
    entries = journal.execute("SELECT count(*) FROM entries").fetchone()[0]
    return ok("journal", f"whole, {entries} entries")
