"""The tables of the journal and the promises they hold; opening a file that may be new, older, newer or broken.

`user_version` is the schema's version, `application_id` says that the file is ours.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from node_sdk.errors import AnacostiaError

VERSION = 3
APPLICATION_ID = 0x414E_4143  # "ANAC"
_PATIENCE = 5.0  # seconds that opening waits for another process (a backup, say) to unlock the file

_TABLES = """
CREATE TABLE pipelines (
    name TEXT PRIMARY KEY,
    file TEXT NOT NULL,
    object TEXT,
    argv TEXT NOT NULL,
    cwd TEXT NOT NULL,
    python TEXT NOT NULL,
    env TEXT NOT NULL,
    graph TEXT,
    desired TEXT NOT NULL CHECK (desired IN ('up', 'down', 'paused')),
    created REAL NOT NULL,
    env_file TEXT,
    env_kept TEXT,
    settings TEXT NOT NULL DEFAULT '{}'
);

CREATE TABLE nodes (
    pipeline TEXT NOT NULL REFERENCES pipelines (name) ON DELETE CASCADE,
    name TEXT NOT NULL,
    desired TEXT NOT NULL CHECK (desired IN ('up', 'down', 'paused')),
    phase TEXT NOT NULL CHECK
        (phase IN ('down', 'starting', 'ready', 'stopping', 'killing', 'backoff', 'failed')),
    reason TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    pid INTEGER,
    started REAL,
    boot_id TEXT,
    ready_at REAL,
    restarts INTEGER NOT NULL,
    done INTEGER NOT NULL CHECK (done IN (0, 1)),
    crashed INTEGER NOT NULL CHECK (crashed IN (0, 1)),
    end_reason TEXT,
    end_exit_code INTEGER,
    end_signal INTEGER,
    end_at REAL,
    shape TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (pipeline, name)
) WITHOUT ROWID;

-- The numbers given so far outlive the node's row: a pipeline that is removed and registered again goes on counting,
-- for its metadata store remembers, and would refuse a number it has seen (law 3).
CREATE TABLE numbers (
    pipeline TEXT NOT NULL,
    node TEXT NOT NULL,
    highest INTEGER NOT NULL,
    PRIMARY KEY (pipeline, node)
) WITHOUT ROWID;

CREATE TRIGGER numbers_never_go_down BEFORE UPDATE ON numbers WHEN NEW.highest < OLD.highest
BEGIN SELECT RAISE(ABORT, 'an incarnation number would be given twice'); END;

CREATE TRIGGER numbers_are_never_forgotten BEFORE DELETE ON numbers
BEGIN SELECT RAISE(ABORT, 'an incarnation number would be given twice'); END;

CREATE TABLE entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    pipeline TEXT NOT NULL,
    node TEXT,
    incarnation INTEGER,
    event TEXT NOT NULL,
    "from" TEXT NOT NULL,
    "to" TEXT NOT NULL,
    reason TEXT NOT NULL
);

CREATE INDEX entries_of_pipeline ON entries (pipeline, node, id);

-- More than one where a pipeline was reloaded: the older ones live for as long as a node that they started.
CREATE TABLE loaders (
    pipeline TEXT NOT NULL REFERENCES pipelines (name) ON DELETE CASCADE,
    pid INTEGER NOT NULL,
    started REAL NOT NULL,
    boot_id TEXT NOT NULL,
    PRIMARY KEY (pipeline, pid)
);
"""

# From the version before to this one.
_STEPS = {
    2: """
ALTER TABLE nodes ADD COLUMN shape TEXT NOT NULL DEFAULT '';
ALTER TABLE loaders RENAME TO old_loaders;
CREATE TABLE loaders (
    pipeline TEXT NOT NULL REFERENCES pipelines (name) ON DELETE CASCADE,
    pid INTEGER NOT NULL,
    started REAL NOT NULL,
    boot_id TEXT NOT NULL,
    PRIMARY KEY (pipeline, pid)
);
INSERT INTO loaders SELECT pipeline, pid, started, boot_id FROM old_loaders;
DROP TABLE old_loaders;
""",
    3: """
ALTER TABLE pipelines ADD COLUMN env_file TEXT;
ALTER TABLE pipelines ADD COLUMN env_kept TEXT;
ALTER TABLE pipelines ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
""",
}


class JournalUnusable(AnacostiaError):
    """The journal cannot be opened; the message says why and what to do."""


def connect(path: Path) -> sqlite3.Connection:
    """An open journal at `path`, made where there is none; JournalUnusable where it cannot be."""
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE)
    except sqlite3.Error as error:
        raise JournalUnusable(f"cannot open the journal {path}: {error}; is {path.parent} there, and yours?") from error
    try:
        _set_up(connection, path)
    except sqlite3.OperationalError as error:
        connection.close()
        raise JournalUnusable(
            f"cannot use the journal {path}: {error}; see that the file and its folder are writable and the disk "
            "is not full, then start again"
        ) from error
    except sqlite3.DatabaseError as error:
        connection.close()
        raise JournalUnusable(_broken(path, str(error))) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    # The version is looked at before anything is written: a file that is not ours, or newer, stays as it is.
    version = _pragma(connection, "user_version")
    owner = _pragma(connection, "application_id")
    empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if version > VERSION and owner == APPLICATION_ID:
        raise JournalUnusable(
            f"cannot use the journal {path}: a newer daemon wrote it (schema {version}, this daemon knows {VERSION}); "
            "install that version or a later one, or use another ANACOSTIA_HOME"
        )
    if not empty and owner != APPLICATION_ID:
        raise JournalUnusable(
            f"cannot use the journal {path}: it is a database of something else; move it away, "
            "or use another ANACOSTIA_HOME"
        )
    if not empty:
        faults = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if faults != "ok":
            raise JournalUnusable(_broken(path, str(faults)))
    # WAL: reading never waits for writing. How far a commit waits for the disk, each turn decides (Journal._commit).
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # a value of an environment may have stood in an older one
    if empty:
        connection.executescript(
            f"BEGIN IMMEDIATE; {_TABLES} "
            f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
        )
    for step in range(version + 1, VERSION + 1) if not empty else ():
        connection.executescript(f"BEGIN IMMEDIATE; {_STEPS[step]} PRAGMA user_version = {step}; COMMIT;")
    # From now on nothing waits: the daemon has one thread, and tries again by itself.
    connection.execute("PRAGMA busy_timeout = 0")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _broken(path: Path, cause: str) -> str:
    return (
        f"cannot use the journal {path}: it is damaged ({cause}); move it away (with its -wal and -shm) and start the "
        "daemon again, then start each pipeline again with 'anacostiactl start FILE'. Runs and artifacts are safe: "
        "they are in the metadata stores of the pipelines"
    )
