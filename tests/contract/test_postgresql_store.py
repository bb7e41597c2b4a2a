"""What a store in PostgreSQL promises beyond the contract: one owner of a schema, commits that outlive the server,
errors told apart, refusals in words and without passwords.
"""

from __future__ import annotations

import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from postgres import Postgres, postgres

from node_sdk.errors import StoreBroken, StoreUnavailable
from node_sdk.metadata import SqlMetadataStore, postgresql
from node_sdk.metadata.schema import REVISION
from node_sdk.metadata.statements import metadata_for
from node_sdk.testing.asking import Asker, action, graph
from node_sdk.testing.contracts import artifact_row, run_row, task_row
from node_sdk.wire.store import Output, Published

HOLD = """
import sys
from node_sdk.metadata import SqlMetadataStore, postgresql
SqlMetadataStore("s", sys.argv[1]).open()
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def schema() -> str:
    return f"s{uuid.uuid4().hex[:12]}"


@pytest.fixture
def uri(postgres_server: Postgres, schema: str) -> str:
    return postgres_server.uri("postgres", schema=schema)


@pytest.fixture
def store(uri: str) -> Iterator[SqlMetadataStore]:
    made = opened(uri)
    yield made
    made.close()


@pytest.fixture
def account(postgres_server: Postgres) -> Iterator[str]:
    """A user `ann` with a database and a password of hers; its name, and the database's."""
    name = f"ann{uuid.uuid4().hex[:8]}"
    postgres_server.do(f"CREATE ROLE {name} LOGIN PASSWORD 's3cret'")
    postgres_server.do(f"CREATE DATABASE {name} OWNER {name} TEMPLATE template0")
    yield name
    postgres_server.do(f"DROP DATABASE {name} WITH (FORCE)")
    postgres_server.do(f"DROP ROLE {name}")


def opened(uri: str) -> SqlMetadataStore:
    store = SqlMetadataStore("s", uri)
    store.open()
    return store


def with_password(server: Postgres, user: str, password: str, database: str) -> str:
    return f"postgresql://{user}:{password}@127.0.0.1:{server.port}/{database}"


# ---- one owner


def test_a_second_store_is_refused_and_told_who_has_the_schema_until_that_one_is_dead(uri: str, schema: str) -> None:
    words = [sys.executable, "-c", HOLD, uri]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "open\n"
        with pytest.raises(
            StoreUnavailable, match=f"'{schema}' is in use by 'anacostia store, process {holder.pid} on"
        ):
            opened(uri)
        reader = SqlMetadataStore("s", uri)
        reader.open(read_only=True)
        assert reader.select("runs", {}) == []
        with pytest.raises(StoreUnavailable, match="read-only transaction"):
            reader.insert("runs", run_row())
        reader.close()
        holder.kill()
    opened(uri).close()


def test_a_store_that_has_lost_its_connection_has_lost_the_right_to_write(
    postgres_server: Postgres, store: SqlMetadataStore, uri: str, schema: str
) -> None:
    store.insert("runs", run_row())
    with pytest.raises(StoreUnavailable), store.transaction():
        store.insert("runs", run_row())
        ((pid,),) = store._opened._cursor.execute("SELECT pg_backend_pid()").fetchall()  # type: ignore[attr-defined]
        postgres_server.do(f"SELECT pg_terminate_backend({pid}, 5000)")
        another = opened(uri)
    with pytest.raises(StoreUnavailable):
        store.insert("runs", run_row())
    store.close()
    with pytest.raises(StoreUnavailable, match=f"its schema '{schema}' is in use by"):
        store.open()
    assert another.count("runs", {}) == 1
    another.close()
    store.open()


def test_stores_in_two_schemas_of_one_database_know_nothing_of_each_other(
    store: SqlMetadataStore, postgres_server: Postgres, schema: str
) -> None:
    other = opened(postgres_server.uri("postgres", schema=f"{schema}_other"))
    for each, pipeline in ((store, "mine"), (other, "theirs")):
        each.insert("identity", {"number": 1, "pipeline": pipeline, "store_id": pipeline})
        each.insert("runs", run_row(token=pipeline))
    assert [row["token"] for row in other.select("runs", {})] == ["theirs"]
    assert [row["pipeline"] for row in store.select("identity", {})] == ["mine"]
    other.close()


# ---- what lasts


def test_what_was_committed_outlives_the_death_of_the_server_and_what_was_not_is_gone() -> None:
    with postgres() as server:
        store = opened(server.uri("postgres"))
        with store.transaction(lasting=False):
            store.insert("runs", run_row(token="brief"))
        server.kill()
        server.start()
        with pytest.raises(StoreUnavailable):
            store.select("runs", {})
        store.close()
        store.open()
        with pytest.raises(StoreUnavailable), store.transaction():
            store.insert("runs", run_row(token="cut short"))
            server.kill()
        server.start()
        store.close()
        store.open()
        assert [row["token"] for row in store.select("runs", {})] == ["brief"]
        store.close()


def test_commits_wait_for_the_disk_also_where_the_server_is_told_otherwise(
    postgres_server: Postgres, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(postgresql._LOG, "warning", warnings.append)
    postgres_server.do(f"ALTER ROLE {account} SET synchronous_commit = off")
    store = opened(with_password(postgres_server, account, "s3cret", account))
    shown = store._opened._cursor.execute("SHOW synchronous_commit").fetchall()  # type: ignore[attr-defined]
    assert shown == [("on",)]
    assert "the server of the metadata store has fsync off" in warnings[0]  # the one of these tests has
    store.close()


# ---- errors told apart


def test_a_text_with_a_nul_can_be_recorded(store: SqlMetadataStore) -> None:
    store.insert("tasks", task_row(error="bad byte \0 here"))
    assert store.select("tasks", {})[0]["error"] == "bad byte \N{SYMBOL FOR NULL} here"


def test_a_value_that_cannot_be_kept_costs_only_its_own_statement(store: SqlMetadataStore) -> None:
    no_index_holds_it = "".join(uuid.uuid4().hex for _ in range(400))
    for row in (artifact_row(no_index_holds_it), artifact_row("a", size=2**70)):
        with pytest.raises(psycopg.Error):
            store.insert("artifacts", row)
    store.insert("artifacts", artifact_row("a"))


@pytest.mark.parametrize(
    ("harm", "mend"),
    [
        ("ALTER TABLE {schema}.runs RENAME TO runs_away", "ALTER TABLE {schema}.runs_away RENAME TO runs"),
        ("REVOKE ALL ON {schema}.runs FROM {user}", "GRANT ALL ON {schema}.runs TO {user}"),
    ],
    ids=["a table is gone", "a right is taken away"],
)
def test_a_database_that_was_harmed_is_waited_for(
    postgres_server: Postgres, account: str, harm: str, mend: str
) -> None:
    store = opened(with_password(postgres_server, account, "s3cret", account) + "?schema=mine")
    postgres_server.do(harm.format(schema="mine", user=account), account)
    with pytest.raises(StoreUnavailable, match="runs"):
        store.insert("runs", run_row())
    postgres_server.do(mend.format(schema="mine", user=account), account)
    store.insert("runs", run_row())
    store.close()


def test_a_table_that_somebody_locks_is_not_waited_for_inside(
    postgres_server: Postgres, store: SqlMetadataStore, schema: str
) -> None:
    with psycopg.connect(host=str(postgres_server.root), port=postgres_server.port, user="postgres") as other:
        other.execute(f"LOCK TABLE {schema}.runs")  # type: ignore[arg-type]
        with pytest.raises(StoreUnavailable, match="lock timeout"):
            store.insert("runs", run_row())
    store.insert("runs", run_row())


# ---- refusals


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ann:s3cret-old@127.0.0.1:{port}/ann", "password authentication failed for user .*; check user and password"),
        ("ann@127.0.0.1:{port}/ann", "no password supplied; give one in its uri"),
        ("ann:s3cret@127.0.0.1:{port}/nowhere", 'database "nowhere" does not exist; create it'),
        ("ann:s3cret@127.0.0.1:1/ann", "Connection refused"),
        ("ann:s3cret@127.0.0.1:{port}/ann?sslmode=require&sslpassword=s3cret", "SSL"),
        ("ann:half-s3cret@s3cret@127.0.0.1:{port}/ann", "has an @ in it; write that as %40"),
        ("ann:s3cret@127.0.0.1:{port}/ann?schema=pg_mine", "does not begin with pg_"),
        ("ann:s3cret@127.0.0.1:{port}/ann?schema=" + "x" * 64, "at most 63 bytes"),
        ("ann:s3cret@127.0.0.1:{port}/postgres?schema=mine", "permission denied for database postgres"),
    ],
)
def test_a_store_that_cannot_be_opened_says_why_and_never_its_password(
    postgres_server: Postgres, account: str, address: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    uri = "postgresql://" + re.sub(r"\bann\b", account, address).format(port=postgres_server.port)
    with pytest.raises(StoreUnavailable, match=words) as refused:
        opened(uri)
    shown = SqlMetadataStore("s", uri).spec().uri
    assert f"cannot open the metadata store at {shown}: " in str(refused.value)
    assert "s3cret" not in f"{refused.value} {refused.value.cause} {shown} {caplog.text}"


def test_a_driver_that_is_not_ours_is_refused_with_the_one_that_is() -> None:
    with pytest.raises(StoreUnavailable, match=r"use postgresql\+psycopg://"):
        opened("postgresql+psycopg2://host/database")


def test_a_database_that_cannot_keep_every_name_is_refused(postgres_server: Postgres) -> None:
    postgres_server.do("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    with pytest.raises(StoreBroken, match="keeps its text as LATIN1"):
        opened(postgres_server.uri("latin"))


# ---- schema


def test_the_migrations_make_the_same_tables_as_a_fresh_schema_gets(
    postgres_server: Postgres, store: SqlMetadataStore, uri: str, schema: str
) -> None:
    migrated = f"{schema}_migrated"
    postgres_server.do(f"CREATE SCHEMA {migrated}")
    postgres_server.do(f"CREATE TABLE {migrated}.alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    opened(uri + "_migrated").close()
    assert postgres_server.do(f"SELECT version_num FROM {migrated}.alembic_version") == [(REVISION,)]
    fresh = described(uri, schema)
    assert set(fresh) == {*metadata_for("postgresql").tables, "alembic_version"}
    assert described(uri, migrated) == fresh
    partial = dict(
        postgres_server.do(f"SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = '{schema}'")  # type: ignore[arg-type]
    )
    for name in ("artifacts_latest", "artifacts_new"):
        assert re.search("^CREATE UNIQUE INDEX .* WHERE ", partial[name])


def described(uri: str, schema: str) -> dict[str, Any]:
    """Everything that stands in a schema: for each table its columns, indexes and constraints."""
    engine = sa.create_engine(sa.make_url(uri).difference_update_query(["schema"]))
    inspector, found = sa.inspect(engine), {}
    for table in inspector.get_table_names(schema):
        columns = [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(table, schema)]
        indexes = [
            (i["name"], i["column_names"], i["unique"], i["dialect_options"].get("postgresql_where"))
            for i in inspector.get_indexes(table, schema)
        ]
        checks = [(c["name"], c["sqltext"]) for c in inspector.get_check_constraints(table, schema)]
        uniques = [(u["name"], u["column_names"]) for u in inspector.get_unique_constraints(table, schema)]
        found[table] = (sorted(columns), sorted(indexes), sorted(checks), sorted(uniques))
    engine.dispose()
    return found


def test_nothing_that_a_run_needs_grows_with_the_size_of_the_tables(store: SqlMetadataStore) -> None:
    asker = Asker(store, graph(action("first", "data"), action("second", "first"), max_concurrent_runs=2))
    for content in "xy":
        asker.record("a", "b", "c", content=content)
        run = asker.offer()
        asker.complete("first", run, "succeeded", Output("models", "m", "staged", content, 1))
        asker.ask("first", Published(run))
        asker.hello("second", interrupted_run=run, crashed=True)
        asker.complete("second", run, attempt=2)
    cursor: Any = store._opened._cursor
    cursor.execute("SET enable_seqscan = off")  # what the planner could do, not what it likes for three rows
    asked = [each.sql for key, each in store._opened._statements._compiled.items() if key[0] != "insert"]
    assert len(asked) > 10
    for text in asked:
        numbers = iter(range(1, 1000))
        generic = re.sub(r"%\(\w+\)s", lambda _: f"${next(numbers)}", text)  # noqa: B023
        plan = "\n".join(row[0] for row in cursor.execute(f"EXPLAIN (GENERIC_PLAN) {generic}").fetchall())
        whole = not re.search("WHERE|LIMIT", text)  # asked for every row
        assert whole or "Seq Scan" not in plan, f"{text}\n{plan}"


# ---- what is there already


def test_tables_of_something_else_are_left_alone(postgres_server: Postgres, uri: str, schema: str) -> None:
    postgres_server.do(f"CREATE SCHEMA {schema}")
    postgres_server.do(f"CREATE TABLE {schema}.runs (theirs TEXT)")
    with pytest.raises(StoreBroken, match=r"tables of something else \(runs\); give the store a database, or a schema"):
        opened(uri)
    assert described(uri, schema).keys() == {"runs"}


def test_a_schema_cut_short_while_it_was_made_is_made_whole(postgres_server: Postgres, uri: str, schema: str) -> None:
    postgres_server.do(f"CREATE SCHEMA {schema}")
    opened(uri).close()
    assert len(described(uri, schema)) == len(metadata_for("postgresql").tables) + 1


def test_a_migration_that_is_cut_short_leaves_the_schema_as_it_was(
    postgres_server: Postgres, uri: str, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres_server.do(f"CREATE SCHEMA {schema}")
    postgres_server.do(f"CREATE TABLE {schema}.alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    real = command.upgrade

    def and_the_server_dies(config: Config, revision: str) -> None:
        real(config, revision)
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patch, pytest.raises(StoreUnavailable, match="server closed the connection"):
        patch.setattr(command, "upgrade", and_the_server_dies)
        opened(uri)
    assert described(uri, schema).keys() == {"alembic_version"}
    opened(uri).close()
    assert "runs" in described(uri, schema)
