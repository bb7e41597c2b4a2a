"""What the SQLite store promises beyond the contract: one writer, clear refusals, light imports, known schema."""

import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from node_sdk import metadata
from node_sdk.errors import InvalidPipeline, NotRunning, StoreBroken, StoreUnavailable
from node_sdk.metadata import SqliteMetadataStore, SqlMetadataStore
from node_sdk.metadata.ledger import Ledger
from node_sdk.metadata.schema import REVISION
from node_sdk.metadata.statements import metadata_for
from node_sdk.testing.asking import Asker, action, graph
from node_sdk.wire.store import OPERATOR, Count, Hello, Output, Published, RetryRun, StoreRequest

HOLD = """
import sys
from node_sdk.metadata import SqliteMetadataStore
store = SqliteMetadataStore("s", sys.argv[1])
store.open()
print("open", flush=True)
sys.stdin.read()
"""


def store_at(path: Path) -> SqliteMetadataStore:
    return SqliteMetadataStore("s", f"sqlite:///{path}")


def opened(path: Path) -> SqliteMetadataStore:
    store = store_at(path)
    store.open()
    return store


def names_in(path: Path) -> dict[str, str]:
    with sqlite3.connect(path) as connection:
        return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))


# ---- one writer


def test_a_second_process_is_refused_and_told_who_has_the_file(tmp_path):
    path = tmp_path / "runs.db"
    command = [sys.executable, "-c", HOLD, f"sqlite:///{path}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(StoreUnavailable, match=f"process {holder.pid} has it open"):
            store_at(path).open()
        reader = store_at(path)
        reader.open(read_only=True)
        assert reader.count("runs", {}) == 0
        reader.close()
        holder.kill()
    opened(path).close()


def test_a_closed_store_can_be_opened_by_the_next(tmp_path):
    for _ in range(2):
        store = opened(tmp_path / "runs.db")
        store.close()
    with pytest.raises(NotRunning, match="not open"):
        store.count("runs", {})


def test_a_store_opened_for_reading_answers_reads_and_refuses_the_rest(tmp_path):
    opened(tmp_path / "runs.db").close()
    reader = store_at(tmp_path / "runs.db")
    reader.open(read_only=True)
    ledger = Ledger(reader, graph(action("a", "data")))
    replies = ledger.answer(
        [StoreRequest(1, OPERATOR, 0, Count("runs", {})), StoreRequest(2, "a", 1, Hello())],
    ).replies
    assert (replies[0].value, replies[1].kind) == (0, "invalid")
    with pytest.raises(StoreUnavailable, match="readonly"):
        reader.delete("runs", {})
    reader.close()


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_is_removed_or_replaced_in_use_gets_no_answer_and_no_successor_until_it_is_back(tmp_path, replaced):
    path, aside = tmp_path / "runs.db", tmp_path / "aside.db"
    store = opened(path)
    asker = Asker(store, graph(action("a", "data")))
    store_id = asker.ledger._board.store_id
    path.rename(aside)
    if replaced:
        path.touch()
    with pytest.raises(
        StoreUnavailable, match="was removed or replaced while it was in use; put it back, or remove the"
    ):
        asker.record("x")
    with pytest.raises(StoreUnavailable, match="was removed or replaced"):
        store.count("runs", {})
    path.unlink(missing_ok=True)
    store.close()
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="was removed or replaced"):
            store.open()
    assert not path.exists()
    aside.rename(path)
    store.open()
    assert asker.ledger.is_at_home()
    assert asker.run("x", "y") == 1
    assert asker.welcome("a").store_id == store_id
    store.close()


def test_another_database_in_the_place_of_the_first_is_not_taken_for_it(tmp_path):
    path = tmp_path / "runs.db"
    store = opened(path)
    first = Asker(store, graph(action("a", "data")))
    store.close()
    path.rename(tmp_path / "aside.db")
    other = opened(path)
    Asker(other, graph(action("a", "data")))
    other.close()
    store.open()
    assert not first.ledger.is_at_home()
    store.close()


def test_an_older_copy_in_the_place_of_the_database_is_not_taken_for_it(tmp_path):
    path = tmp_path / "runs.db"
    store = opened(path)
    asker = Asker(store, graph(action("a", "data")))
    store.close()
    copy = path.read_bytes()
    store.open()
    asker.hello("a")
    store.close()
    path.write_bytes(copy)
    store.open()
    assert not asker.ledger.is_at_home()
    store.close()


# ---- whose it is


def test_a_database_of_one_pipeline_refuses_another_and_answers_reads(tmp_path):
    path = tmp_path / "runs.db"
    store = opened(path)
    one = replace(graph(action("a", "data")), name="one")
    Ledger(store, one).prepare()
    with pytest.raises(StoreBroken, match="for pipeline 'two': it belongs to pipeline 'one'; give it a database"):
        Ledger(store, replace(one, name="two")).prepare()
    Ledger(store, one).prepare()
    assert store.count("identity", {}) == 1
    store.close()
    reader = store_at(path)
    reader.open(read_only=True)
    assert Ledger(reader, one).answer([StoreRequest(1, OPERATOR, 0, Count("runs", {}))]).replies[0].value == 0
    reader.close()


def test_each_database_gives_tasks_keys_of_its_own_and_the_same_ones_after_a_restart(tmp_path):
    keys = []
    for name in ("a.db", "b.db", "b.db"):
        store = opened(tmp_path / name)
        keys.append(Asker(store, graph(action("a", "data"))).welcome("a").store_id)
        store.close()
    assert keys[0] != keys[1] == keys[2] != ""


# ---- how durable


@pytest.mark.parametrize(("level", "number"), [("FULL", 2), ("NORMAL", 1)])
def test_commits_reach_the_disk_unless_the_user_says_otherwise(tmp_path, level, number):
    store = SqliteMetadataStore("s", f"sqlite:///{tmp_path}/runs.db", synchronous=level)
    store.open()
    cursor = store._opened._cursor
    assert cursor.execute("PRAGMA synchronous").fetchall() == [(number,)]
    assert cursor.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
    store.close()
    assert SqliteMetadataStore("s", "sqlite:///x").synchronous == "FULL"


def test_an_unknown_durability_is_refused():
    with pytest.raises(InvalidPipeline, match="'FULL' or 'NORMAL'"):
        SqliteMetadataStore("s", "sqlite:///x", synchronous="OFF")


# ---- refusals


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("postgresql://host/db", "its uri is sqlite:///PATH"),
        ("sqlite://", "its uri is sqlite:///PATH"),
        ("sqlite:///:memory:", "its uri is sqlite:///PATH"),
        ("sqlite:///{folder}", "it is a directory"),
        ("sqlite:///{folder}/no/runs.db", "there is no directory {folder}/no; create it first"),
        ("sqlite:///{folder}/text.db", "file is not a database"),
        ("sqlite:///{folder}/other.db", "tables of something else \\(runs\\)"),
        ("sqlite:///{folder}/newer.db", "its schema '9999' is newer than this release"),
    ],
)
def test_a_store_that_cannot_be_opened_says_why(tmp_path, uri, words):
    (tmp_path / "text.db").write_text("these are words and no database at all\n" * 100)
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE runs (marathon TEXT)")
    opened(tmp_path / "newer.db").close()
    with sqlite3.connect(tmp_path / "newer.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    store = SqliteMetadataStore("s", uri.format(folder=tmp_path))
    with pytest.raises(StoreUnavailable, match=words.format(folder=tmp_path)) as refused:
        store.open()
    assert str(refused.value).startswith(("cannot open the metadata store at", "cannot use"))
    with pytest.raises(StoreUnavailable):  # and the lock is not left behind
        store.open()


@pytest.mark.parametrize("name", ["x" * 248, "x" * 300, "/".join(["x" * 100] * 5) + ".db", "/".join(["x" * 100] * 50)])
def test_a_path_that_is_too_long_for_sqlite_is_refused_for_its_length(tmp_path, name):
    with pytest.raises(StoreUnavailable, match="its path is too long: SQLite takes 504 bytes in all, 247 in the"):
        store_at(tmp_path / name).open()


def test_the_longest_path_that_is_let_through_can_be_opened(tmp_path):
    folder = tmp_path.resolve() / ("y" * (504 - 247 - 2 - len(str(tmp_path.resolve()))))
    folder.mkdir()
    path = folder / ("x" * 247)
    assert len(str(path)) == 504
    opened(path).close()


def test_a_relative_uri_is_made_absolute_where_the_store_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = SqliteMetadataStore("s", "sqlite:///rel.db")
    assert store.spec().uri == store.uri == f"sqlite:///{tmp_path}/rel.db"
    monkeypatch.chdir("/")
    store.open()
    store.close()
    assert (tmp_path / "rel.db").exists()


@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "words"),
    [(0o500, None, "may not write in the directory"), (0o700, 0o400, "may not write the file")],
)
def test_a_place_without_permission_is_named(tmp_path, folder_mode, file_mode, words, monkeypatch):
    folder = tmp_path / "folder"
    folder.mkdir()
    if file_mode is not None:
        opened(folder / "runs.db").close()
        (folder / "runs.db").chmod(file_mode)
    folder.chmod(folder_mode)

    def allowed(path, wanted):  # what the kernel tells a user who is not root; the tests may run as root
        return not wanted & ~(Path(path).stat().st_mode >> 6 & 7)

    monkeypatch.setattr(os, "access", allowed)
    with pytest.raises(StoreUnavailable, match=words):
        store_at(folder / "runs.db").open()


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("no url", "its uri is no database URL"),
        ("nosuchdatabase://user:secret@host/db", "'nosuchdatabase' is no database it can use; those are"),
        ("mysql+pymysql://user:secret@host/db", "'mysql' is no database it can use; those are postgresql"),
        ("sqlite:////no/such/directory/runs.db", "unable to open database file"),
    ],
)
def test_a_url_that_sqlalchemy_cannot_use_is_refused_without_its_password(uri, words):
    with pytest.raises(StoreUnavailable, match=words) as refused:
        SqlMetadataStore("s", uri).open()
    assert "secret" not in str(refused.value)


def test_the_password_of_a_url_is_not_in_the_graph():
    spec = SqlMetadataStore("s", "postgresql://user:secret@host/db").spec()
    assert spec.uri == "postgresql://user:***@host/db"


# ---- imports


def test_sqlalchemy_is_imported_only_where_the_store_is_opened_and_alembic_only_to_migrate(tmp_path):
    code = f"""
import sys
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.metadata.ledger import Ledger
store = SqliteMetadataStore("s", "sqlite:///{tmp_path}/runs.db")
store.spec()
assert "sqlalchemy" not in sys.modules and "alembic" not in sys.modules
store.open()
store.close()
assert "sqlalchemy" in sys.modules and "alembic" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- schema


def test_the_migrations_make_the_same_tables_as_a_fresh_database_gets(tmp_path):
    opened(tmp_path / "fresh.db").close()
    with sqlite3.connect(tmp_path / "migrated.db") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    opened(tmp_path / "migrated.db").close()
    columns, indexes = [], []
    for name in ("fresh.db", "migrated.db"):
        inspector = sa.inspect(sa.create_engine(f"sqlite:///{tmp_path / name}"))
        tables = set(inspector.get_table_names())
        assert tables == {*metadata_for("sqlite").tables, "alembic_version"}
        columns.append(
            {t: [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(t)] for t in tables}
        )
        indexes.append(
            {
                t: (
                    sorted((i["name"], i["column_names"], i["unique"]) for i in inspector.get_indexes(t)),
                    sorted((u["name"], u["column_names"]) for u in inspector.get_unique_constraints(t)),
                    sorted((c["name"], c["sqltext"]) for c in inspector.get_check_constraints(t)),
                )
                for t in tables
            }
        )
    assert columns[0] == columns[1]
    assert indexes[0] == indexes[1]
    fresh, migrated = names_in(tmp_path / "fresh.db"), names_in(tmp_path / "migrated.db")
    for name in ("artifacts_latest", "artifacts_new"):
        assert fresh[name] == migrated[name]
        assert "WHERE" in fresh[name]
    with sqlite3.connect(tmp_path / "migrated.db") as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(REVISION,)]


FIRST_RELEASE = {
    "runs": {"state": "failed", "trigger": "data", "token": None, "started_at": 1.0, "ended_at": 2.0},
    "tasks": {"run_id": 1, "node": "first", "state": "error", "attempts": 3, "crashes": 3, "incarnation": 4}
    | {"started_at": 1.0, "ended_at": 2.0, "error": "crashed the node 3 times"},
    "artifacts": {"resource": "data", "location": "a", "version": 1, "latest": True, "state": "failed", "run_id": 1}
    | {"made_by_run": None, "made_by_node": None, "sha256": "x", "size": 1, "mtime_ns": 1, "published": True}
    | {"staging": None, "created_at": 1.0},
    "metrics": {"run_id": 1, "node": "first", "attempt": 3, "n": 0, "key": "m", "value": 0.5, "step": None}
    | {"logged_at": 1.5},
}


def made_by_release(revision: str, path: Path) -> None:
    """A database as the release with this schema made it."""
    config = Config()
    config.set_main_option("script_location", str(Path(metadata.__file__).parent / "migrations"))
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def test_a_database_of_the_first_release_is_brought_up_to_date_in_place_and_keeps_what_it_holds(tmp_path):
    path = tmp_path / "runs.db"
    made_by_release("0001", path)
    with sqlite3.connect(path) as connection:
        for table, row in FIRST_RELEASE.items():
            columns, marks = ", ".join(row), ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(row.values()))
    connection.close()
    with pytest.raises(
        StoreUnavailable, match=f"its schema '0001' is older than '{REVISION}'; start the pipeline once"
    ):
        store_at(path).open(read_only=True)

    store = opened(path)
    for table, row in FIRST_RELEASE.items():
        (found,) = store.select(table, {})
        assert found == {**found, **row}
    assert (found := store.select("tasks", {})[0])["failures"] == 0, found
    asker = Asker(store, graph(action("first", "data")))
    asker.ask(OPERATOR, RetryRun(1, None, "wish"))  # what was done then can be retried now
    assert asker.welcome("first").store_id
    asker.complete("first", 1, attempt=4)
    assert asker.run_state(1) == "succeeded"
    store.close()
    opened(path).close()


def test_a_migration_that_is_cut_short_leaves_the_database_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "runs.db"
    made_by_release("0001", path)
    before = names_in(path)
    real = command.upgrade

    def and_the_disk_is_full(config, revision):
        real(config, revision)
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch, pytest.raises(StoreUnavailable, match="disk is full"):
        patch.setattr(command, "upgrade", and_the_disk_is_full)
        opened(path)
    assert names_in(path) == before
    opened(path).close()
    assert "retries" in names_in(path)


def test_a_database_cut_short_while_it_was_made_is_made_again(tmp_path):
    path = tmp_path / "runs.db"
    path.touch()
    opened(path).close()
    assert "runs" in names_in(path)


# ---- speed


def test_nothing_that_a_run_needs_grows_with_the_size_of_the_tables(tmp_path):
    store = opened(tmp_path / "runs.db")
    said = []
    store._opened._connection.set_trace_callback(said.append)
    asker = Asker(store, graph(action("first", "data"), action("second", "first"), max_concurrent_runs=2))
    said.clear()
    for content in "xy":
        asker.record("a", "b", "c", content=content)
        run = asker.offer()
        asker.complete("first", run, "succeeded", Output("models", "m", "staged", content, 1))
        asker.ask("first", Published(run))
        asker.hello("second", interrupted_run=run, crashed=True)
        asker.complete("second", run, attempt=2)
    store._opened._connection.set_trace_callback(None)
    cursor = store._opened._cursor
    statements = {text for text in said if text.split()[0] in ("SELECT", "UPDATE", "DELETE")}
    assert len(statements) > 10
    for text in statements:
        if "last_insert_rowid" in text:
            continue  # reads no table
        plan = [row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {text}").fetchall()]
        newest_run = "ORDER BY runs.id DESC" in text and "WHERE" not in text  # walks one row back from the end
        assert newest_run or not any(step.startswith("SCAN") for step in plan), (text, plan)
    store.close()
