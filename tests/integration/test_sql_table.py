"""Rows of real tables, with writers that commit late, and databases that are not as they should be."""

from __future__ import annotations

import random
import select
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from postgres import Postgres, postgres

from node_sdk import InvalidPipeline
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import Polling, SqlTableResourceNode
from node_sdk.testing.resources import Scene

pytestmark = pytest.mark.slow

WRITERS, ROUNDS = 5, 40


def a_scene(url: str, table: str, **settings: Any) -> Scene:
    store = SqliteMetadataStore("store", "sqlite:////nowhere/runs.db")
    return Scene(store, SqlTableResourceNode("rows", url, store, table=table, **{"watermark": "id", **settings}), None)


@pytest.fixture
def table(postgres_server: Postgres) -> str:
    name = f"t{uuid.uuid4().hex[:12]}"
    postgres_server.do(f"CREATE TABLE {name} (id BIGSERIAL PRIMARY KEY, body TEXT, taken TIMESTAMPTZ)")
    return name


@pytest.fixture
def scene(postgres_server: Postgres, table: str) -> Iterator[Scene]:
    scene = a_scene(postgres_server.uri("postgres"), table)
    with scene.rehearsal:
        yield scene


def connected(server: Postgres) -> psycopg.Connection[Any]:
    return psycopg.connect(**server._own("postgres"))  # type: ignore[arg-type]


def safe(scene: Scene) -> Any:
    found = [each["value"]["value"] for each in scene.rehearsal.pipeline["store"].get_tags("rows")]  # type: ignore[attr-defined]
    return found[0] if found else None


def test_a_row_that_commits_after_rows_with_higher_numbers_is_found(
    scene: Scene, postgres_server: Postgres, table: str
) -> None:
    with connected(postgres_server) as late:
        late.execute(f"INSERT INTO {table} (body) VALUES ('late')")
        postgres_server.do(f"INSERT INTO {table} (body) VALUES ('early'), ('early')")
        assert scene.new() == scene.new() == ["2", "3"]
        assert safe(scene) is None
        scene.run()
        late.commit()
    assert scene.new() == ["1"]
    scene.run()
    assert scene.new() == []
    assert safe(scene) == 3, "what is below is not read again"


def test_a_number_that_was_drawn_before_anything_was_written_is_waited_for_as_well(
    scene: Scene, postgres_server: Postgres, table: str
) -> None:
    with connected(postgres_server) as late:
        drawn = late.execute(f"SELECT nextval('{table}_id_seq')").fetchone()
        postgres_server.do(f"INSERT INTO {table} (body) VALUES ('early')")
        for _ in range(3):
            assert scene.new() == ["2"]
        late.execute(f"INSERT INTO {table} (id, body) VALUES (%s, 'late')", drawn)
        late.commit()
    assert scene.new() == ["1", "2"]


def write(server: Postgres, table: str, seed: int) -> None:
    choice = random.Random(seed)
    with connected(server) as connection:
        for number in range(ROUNDS):
            for _ in range(choice.randrange(1, 4)):
                connection.execute(f"INSERT INTO {table} (body) VALUES ('{seed}-{number}')")
                threading.Event().wait(choice.random() * 0.01)
            (connection.commit if choice.random() < 0.8 else connection.rollback)()


def write_sqlite(path: Path, seed: int) -> None:
    choice = random.Random(seed)
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    for number in range(ROUNDS // 4):
        connection.execute("BEGIN IMMEDIATE")
        for _ in range(choice.randrange(1, 4)):
            connection.execute("INSERT INTO t (body) VALUES (?)", (f"{seed}-{number}",))
            threading.Event().wait(choice.random() * 0.005)
        connection.execute("COMMIT" if choice.random() < 0.8 else "ROLLBACK")
    connection.close()


def claimed_while(scene: Scene, writers: list[threading.Thread]) -> list[str]:
    """What runs have claimed until all writers have ended, and a little longer."""
    claimed: list[str] = []
    for each in writers:
        each.start()
    last = False
    while not last:
        last = not any(each.is_alive() for each in writers)
        if scene.new():
            assert scene.run(lambda: claimed.extend(scene.data.list_artifacts("current"))).state == "succeeded"
    return claimed


@pytest.mark.parametrize(
    "settings", [{"watermark": "id"}, {"watermark": None, "outbox": "taken"}], ids=["id", "outbox"]
)
def test_many_writers_who_commit_in_any_order_lose_no_row_and_double_none(
    postgres_server: Postgres, table: str, settings: dict[str, Any]
) -> None:
    scene = a_scene(postgres_server.uri("postgres"), table, **settings)
    writers = [threading.Thread(target=write, args=(postgres_server, table, seed)) for seed in range(WRITERS)]
    with scene.rehearsal:
        claimed = claimed_while(scene, writers)
    there = [str(row[0]) for row in postgres_server.do(f"SELECT id FROM {table} ORDER BY id")]
    assert len(there) > WRITERS * ROUNDS * 0.8
    assert sorted(claimed, key=int) == there


def test_many_writers_of_sqlite_lose_no_row_and_double_none(tmp_path: Path) -> None:
    path = tmp_path / "rows.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT)")
    connection.close()
    scene = a_scene(f"sqlite:///{path}", "t")
    with scene.rehearsal:
        claimed = claimed_while(
            scene, [threading.Thread(target=write_sqlite, args=(path, seed)) for seed in range(WRITERS)]
        )
    connection = sqlite3.connect(path)
    there = [str(row[0]) for row in connection.execute("SELECT id FROM t ORDER BY id")]
    connection.close()
    assert sorted(claimed, key=int) == there and len(there) > WRITERS * 5


def test_a_process_that_is_replaced_goes_on_where_the_last_one_was(
    scene: Scene, postgres_server: Postgres, table: str
) -> None:
    with connected(postgres_server) as late:
        late.execute(f"INSERT INTO {table} (body) VALUES ('late')")
        postgres_server.do(f"INSERT INTO {table} (body) VALUES ('early')")
        assert scene.new() == ["2"]
        scene.data._horizon = scene.data._opened = None  # all that a process holds
        assert scene.new() == ["2"]
        late.commit()
    scene.data._horizon = scene.data._opened = None
    assert scene.new() == ["1", "2"]
    scene.data._horizon = scene.data._opened = None
    assert scene.new() == ["1", "2"]
    assert safe(scene) == 2


def test_whoever_notifies_wakes_the_node_and_a_lost_connection_is_made_again(
    postgres_server: Postgres, table: str
) -> None:
    url = postgres_server.uri("postgres", application_name=table)
    scene = a_scene(url, table, notify="arrivals", polling=Polling(interval=3600))
    with scene.rehearsal:
        scene.rehearsal._bind("rows")
        scene.data.start_monitoring()
        assert not readable(scene, 0)
        postgres_server.do(f"INSERT INTO {table} (body) VALUES ('x'); NOTIFY arrivals")
        assert readable(scene, 10)
        scene.data.look()
        assert scene.data.list_artifacts("new") == ["1"]
        assert not readable(scene, 0)
        postgres_server.do(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{table}'")
        assert readable(scene, 10)
        scene.data.look()
        postgres_server.do(f"INSERT INTO {table} (body) VALUES ('y'); NOTIFY arrivals")
        assert readable(scene, 10)
        scene.data.look()
        assert scene.data.list_artifacts("new") == ["1", "2"]
        scene.data.stop_monitoring()
        assert scene.data.watched_fd() is None


def readable(scene: Scene, within: float) -> bool:
    return bool(select.select([scene.data.watched_fd()], [], [], within)[0])


def trouble(scene: Scene) -> str:
    scene.rehearsal.look()
    return str(scene.data.trouble())


def test_a_table_without_the_column_says_which_there_are_and_is_used_once_it_has_it(
    postgres_server: Postgres, table: str
) -> None:
    scene = a_scene(postgres_server.uri("postgres"), table, watermark="changed")
    with scene.rehearsal:
        assert "it has no column 'changed'; there are id, body, taken" in trouble(scene)
        postgres_server.do(f"ALTER TABLE {table} ADD changed INT; INSERT INTO {table} (changed) VALUES (1)")
        assert scene.new() == ["1"]
        postgres_server.do(f"ALTER TABLE {table} RENAME TO {table}x")
        assert "does not exist" in trouble(scene) or "no such table" in trouble(scene)
        assert "there is no such table; make it" in trouble(scene)
        postgres_server.do(f"ALTER TABLE {table}x RENAME TO {table}")
        assert scene.new() == ["1"]


def test_a_server_that_is_down_at_the_start_and_later_is_waited_for() -> None:
    with postgres(hasty=True) as server:
        server.do("CREATE TABLE t (id SERIAL PRIMARY KEY); INSERT INTO t DEFAULT VALUES")
        scene = a_scene(f"postgresql+psycopg://postgres:wr0ng@127.0.0.1:{server.port}/postgres", "t")
        with scene.rehearsal:
            assert "password authentication failed" in trouble(scene)
            assert "wr0ng" not in trouble(scene)
            server.do("ALTER ROLE postgres PASSWORD 'wr0ng'")
            assert scene.new() == ["1"]
            server.kill()
            assert "cannot look at table 't'" in trouble(scene) and "refused" in trouble(scene)
            server.start()
            server.do("INSERT INTO t DEFAULT VALUES")
            assert scene.new()[0] == "1" and len(scene.new()) == 2


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("sqlite:///x.db", {"watermark": None}),
        ("sqlite:///x.db", {"outbox": "taken"}),
        ("mysql://host/db", {}),
        ("sqlite:///x.db", {"notify": "channel"}),
        ("sqlite:///x.db", {"overlap": -1}),
        ("sqlite:///x.db", {"init_state": "other"}),
    ],
)
def test_settings_that_promise_what_cannot_be_kept_are_refused(url: str, settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidPipeline):
        a_scene(url, "t", **settings)
