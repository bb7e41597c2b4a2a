"""A pipeline whose runs are kept by a PostgreSQL server: the server dies and comes back, is not there yet, refuses, or
is shared. Nodes wait and go on, `status` says why, and all laws hold.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos.laws import Expected, broken_laws
from place import Place, wait_for
from postgres import Postgres, postgres

from node_sdk.metadata import SqliteMetadataStore, SqlMetadataStore
from node_sdk.metadata.schema import TABLES

PIPELINE = Path(__file__).with_name("steady_pipeline.py")
SERVED = """
from node_sdk import BaseActionNode, Pipeline, RestartPolicy
from node_sdk.metadata import SqlMetadataStore
from node_sdk.resources import FilesystemStoreNode

class Count(BaseActionNode):
    def execute(self, *args, **kwargs):
        return True

class Served(SqlMetadataStore):
    restart = RestartPolicy(max_restarts=None, backoff_max=1.0)
    heartbeat_timeout = 2.0

store = Served("store", "{uri}")
inbox = FilesystemStoreNode("inbox", "inbox", store)
pipeline = Pipeline([store, inbox, Count("count", [inbox])], name="served")
"""
KILLS, FILES_BETWEEN = 3, 4


@pytest.fixture
def server() -> Iterator[Postgres]:
    with postgres() as made:
        yield made


def start(place: Place, uri: str, code: int | None = 0) -> str:
    done = place.ctl("start", PIPELINE, "--", place.root, uri, code=code)
    return done.stdout + done.stderr


def drop(place: Place, number: int) -> None:
    place.write(f"inbox/{number:03}.txt", "x" * number)


def said(place: Place) -> str:
    """What `status` says of the store: what it does, and why it ended last."""
    store = place.node("steady", "metadata_store")
    return f"{store.get('work')} | {(store.get('last_end') or {}).get('reason')}"


def settled(server: Postgres, schema: str, files: int) -> bool:
    query = f"""
        SELECT (SELECT count(*) FROM {schema}.artifacts WHERE resource = 'inbox' AND state = 'old'),
               (SELECT count(*) FROM {schema}.runs WHERE state = 'running')
    """
    ((old, running),) = server.do(query)
    return bool(old >= files and running == 0)  # type: ignore[operator]


def all_laws_hold(place: Place, uri: str) -> None:
    copied = place.root / "copied.db"
    copy_to_file(uri, copied)
    folders = {"inbox": place.root / "inbox"}, {"models": place.root / "models"}
    assert not broken_laws(Expected(copied, *folders, place.root / "executions.log", metrics=("size", "attempt")))


def copy_to_file(uri: str, path: Path) -> None:
    """Every row as it stands, where the laws can read it."""
    empty = SqliteMetadataStore("copy", f"sqlite:///{path}")
    empty.open()
    empty.close()
    store = SqlMetadataStore("store", uri)
    store.open(read_only=True)
    with sqlite3.connect(path) as connection:
        for table in TABLES:
            for row in store.select(table, {}):
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))
    connection.close()
    store.close()


def test_a_server_killed_in_the_middle_of_runs_and_started_again_costs_nothing_but_time(
    place: Place, server: Postgres
) -> None:
    uri = server.uri("postgres", schema="steady")
    start(place, uri)
    files = KILLS * FILES_BETWEEN
    for number in range(1, files + 1):
        drop(place, number)
        if number % FILES_BETWEEN == 0:
            wait_for(lambda: server.do("SELECT 1 FROM steady.tasks WHERE state = 'executing'"), "a task executes")
            server.kill()
            wait_for(lambda: "; trying again" in said(place), "status says what is wrong")
            server.start()
    wait_for(lambda: settled(server, "steady", files), f"all {files} files are in runs that ended")
    assert place.node("steady", "metadata_store")["restarts"] == 0
    place.ctl("stop", "steady")
    all_laws_hold(place, uri)


def test_store_and_server_killed_together_cost_no_run(place: Place, server: Postgres) -> None:
    uri = server.uri("postgres", schema="steady")
    start(place, uri)
    for number in range(1, 4):
        drop(place, number)
    wait_for(lambda: server.do("SELECT 1 FROM steady.tasks WHERE state = 'executing'"), "a task executes")
    server.kill()
    os.kill(place.node("steady", "metadata_store")["pid"], signal.SIGKILL)
    wait_for(lambda: "cannot open the metadata store at" in said(place), "status says what is wrong")
    server.start()
    wait_for(lambda: settled(server, "steady", 3), "all files are in runs that ended")
    place.ctl("stop", "steady")
    all_laws_hold(place, uri)


def test_a_server_that_is_down_refuses_or_is_down_again_is_said_and_waited_for_and_no_password_is_shown(
    place: Place, server: Postgres
) -> None:
    server.do("CREATE ROLE ann LOGIN PASSWORD 's3cret'")
    server.do("CREATE DATABASE ann OWNER ann")
    server.stop()
    (place.root / "inbox").mkdir()
    file = place.write("served.py", SERVED.format(uri=f"postgresql://ann:s3cret@127.0.0.1:{server.port}/ann"))
    shown = f"postgresql://ann:***@127.0.0.1:{server.port}/ann"
    texts = [place.ctl("start", file, code=1).stderr]
    assert f"cannot open the metadata store at {shown}: " in texts[0] and "Connection refused" in texts[0]
    server.start()
    place.ready("served", "count")

    server.do("ALTER ROLE ann PASSWORD 'another'")
    server.stop()
    server.start()
    drop(place, 1)
    wrong = 'password authentication failed for user "ann"; trying again'
    wait_for(lambda: wrong in place.node("served", "store").get("work", ""), "status says what is wrong")
    texts.append(place.ctl("trigger", "served", code=1).stderr)
    assert "check user and password" in texts[1]
    server.do("ALTER ROLE ann PASSWORD 's3cret'")
    place.run_ended("served", 1)
    assert len(place.runs("served")) == 1

    place.ctl("stop", "served")
    server.stop()
    texts.append(place.ctl("runs", "served", code=1).stderr)
    assert "Connection refused" in texts[2]
    server.start()
    assert [run["state"] for run in place.json("runs", "served")] == ["succeeded"]

    file.unlink()
    texts += [place.ctl(*words).stdout for words in (("status", "--json"), ("journal", "served"))]
    texts += [path.read_text(errors="replace") for path in place.root.rglob("*") if path.is_file()]
    assert not [text for text in texts if "s3cret" in text]


def test_a_second_daemon_does_not_get_a_pipeline_that_another_has(place: Place, server: Postgres) -> None:
    uri = server.uri("postgres", schema="steady")
    start(place, uri)
    second = Place()
    try:
        refused = start(second, uri, code=1)
        assert "its schema 'steady' is in use by 'anacostia store, process" in refused
        assert "give this one a schema of its own: ?schema=NAME" in refused
        drop(place, 1)
        place.run_ended("steady", 1)
        second.ctl("remove", "steady")
        start(second, server.uri("postgres", schema="another"))
        drop(second, 1)
        second.run_ended("steady", 1)
    finally:
        second.close(failed=False)
    place.ctl("stop", "steady")
    all_laws_hold(place, uri)
