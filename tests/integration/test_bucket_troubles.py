"""What can be wrong with a bucket, in words, and that a look in vain loses nothing."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from s3_servers import S3Server, s3_server

from node_sdk import InvalidPipeline
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FsspecStoreNode, S3StoreNode
from node_sdk.testing.resources import Scene

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture(autouse=True)
def environment(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)


def a_store() -> SqliteMetadataStore:
    return SqliteMetadataStore("store", "sqlite:////nowhere/runs.db")


@pytest.fixture
def scene(server: S3Server) -> Iterator[Scene]:
    bucket = f"b{uuid.uuid4().hex[:12]}"
    server.client().create_bucket(Bucket=bucket)
    server.client().put_object(Bucket=bucket, Key="a", Body=b"one")
    store = a_store()
    scene = Scene(store, S3StoreNode("data", f"s3://{bucket}", store), None)
    with scene.rehearsal:
        yield scene


def trouble(scene: Scene) -> str:
    scene.rehearsal.look()
    return str(scene.data.trouble())


def test_a_bucket_that_is_gone_takes_nothing_along_and_is_looked_at_again(scene: Scene, server: S3Server) -> None:
    bucket = scene.data.resource_path.removeprefix("s3://")
    assert scene.new() == ["a"]
    server.client().delete_object(Bucket=bucket, Key="a")
    server.client().delete_bucket(Bucket=bucket)
    assert trouble(scene) == f"cannot list s3://{bucket}: there is no such bucket; make it, or correct its name"
    assert scene.data.get_num_artifacts("new") == 1, "what cannot be seen is not gone"
    server.client().create_bucket(Bucket=bucket)
    server.client().put_object(Bucket=bucket, Key="a", Body=b"one")
    assert scene.new() == ["a"]
    assert scene.data.get_num_artifacts() == 1


def test_no_credentials_are_called_that_and_found_once_they_are_there(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert "no credentials are found" in trouble(scene)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ann")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret-of-ann")
    assert scene.new() == ["a"]


def test_a_server_without_tls_is_called_no_trusted_connection(
    scene: Scene, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url.replace("http:", "https:"))
    assert "no trusted connection" in trouble(scene)


def test_each_look_in_vain_is_followed_by_a_longer_pause_and_said_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    pauses = []
    for _ in range(3):
        scene.data.look()
        pauses.append(scene.data._due - scene.data._last_look)
    assert 0.9 <= pauses[0] < pauses[1] < pauses[2] <= 4.4
    said = [each.message for each in caplog.records if "Could not connect" in each.message]
    assert len(said) == 1


def test_what_was_uploaded_in_part_is_invisible_and_removed_with_the_next_output(
    scene: Scene, server: S3Server
) -> None:
    bucket = scene.data.resource_path.removeprefix("s3://")
    key = ".anacostia/staging/-1-job/1/m"
    server.client().create_multipart_upload(Bucket=bucket, Key=key)
    server.client().create_multipart_upload(Bucket=bucket, Key="others")
    server.client().put_object(Bucket=bucket, Key=".anacostia/staging/-1-job/1/left", Body=b"half")
    assert scene.new() == ["a"]

    def job() -> None:
        with scene.data.save_artifact("m") as path:
            path.write_bytes(b"weights")

    assert scene.run(job).state == "succeeded"
    uploads = server.client().list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [each["Key"] for each in uploads] == ["others"], "only ours are ended"
    keys = [each["Key"] for each in server.client().list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys == ["a", "m"]


@pytest.mark.parametrize("make", [S3StoreNode, FsspecStoreNode])
@pytest.mark.parametrize("path", ["bucket/prefix", "/tmp/folder", ""])
def test_what_is_no_url_is_refused_with_an_example(make: Any, path: str) -> None:
    with pytest.raises(InvalidPipeline, match="write it like s"):
        make("data", path, a_store())


@pytest.mark.parametrize("settings", [{"page": 0}, {"page": 1001}, {"init_state": "x"}, {"max_old_samples": -1}])
def test_settings_that_make_no_sense_are_refused(settings: Any) -> None:
    with pytest.raises(InvalidPipeline):
        S3StoreNode("data", "s3://bucket", a_store(), **settings)


def test_a_filesystem_that_fsspec_does_not_know_is_called_that() -> None:
    store = a_store()
    scene = Scene(store, FsspecStoreNode("data", "nosuch://host/x", store), None)
    with scene.rehearsal:
        assert "Protocol not known: nosuch" in trouble(scene)
