"""A bucket as input and output of a real pipeline, whose server comes and goes."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest
from place import ROOT, Place, wait_for
from s3_servers import S3Server, s3_server
from valve import Valve, valve

PIPELINE = ROOT / "tests/e2e/buckets_pipeline.py"

pytestmark = pytest.mark.timeout(90)


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        server.client().create_bucket(Bucket="lake")
        yield server


@pytest.fixture
def before(server: S3Server, place: Place) -> Iterator[Valve]:
    with valve(server.port) as before:
        place.env.update(server.environment(), AWS_ENDPOINT_URL_S3=before.url)
        yield before


def put(server: S3Server, name: str, text: str) -> None:
    server.client().put_object(Bucket="lake", Key=f"in/{name}", Body=text.encode())


def objects(server: S3Server, prefix: str) -> dict[str, str]:
    client, found = server.client(), {}
    for each in client.list_objects_v2(Bucket="lake", Prefix=prefix).get("Contents", ()):
        with contextlib.suppress(client.exceptions.NoSuchKey):  # gone again
            found[each["Key"]] = client.get_object(Bucket="lake", Key=each["Key"])["Body"].read().decode()
    return found


def work(place: Place, pipeline: str, node: str) -> str:
    return str(place.node(pipeline, node).get("work"))


def test_a_server_that_is_away_is_said_in_status_waited_for_and_nothing_is_lost_or_doubled(
    place: Place, server: S3Server, before: Valve
) -> None:
    place.ctl("start", PIPELINE, "--", "first", "lake", place.root)
    wait_for(lambda: "cannot claim s3://lake/in: Could not connect" in work(place, "first", "data"), "status says it")
    before.open(html=True)
    wait_for(lambda: "something else answers in the store's place" in work(place, "first", "data"), "status says it")
    put(server, "a", "one")
    before.open()
    place.run_ended("first", 1)
    wait_for(lambda: objects(server, "out-first/") == {"out-first/1.txt": "one"}, "its output is in its place")

    place.write("hold", "")
    put(server, "b", "two")
    wait_for(lambda: any("-2-join/1/2.txt" in each for each in objects(server, "out-first/")), "it is staged")
    before.shut()
    (place.root / "hold").unlink()
    wait_for(lambda: "cannot publish '2.txt' yet" in work(place, "first", "join"), "status says it")
    wait_for(lambda: "Could not connect" in work(place, "first", "data"), "status says it")
    killed = place.node("first", "join")
    os.kill(killed["pid"], signal.SIGKILL)
    wait_for(lambda: "cannot publish '2.txt' yet" in work(place, "first", "join"), "the next incarnation goes on")
    put(server, "c", "three")
    before.open()
    place.run_ended("first", 2)
    place.run_ended("first", 3)
    wait_for(lambda: work(place, "first", "data") in ("idle", "watching", "looking"), "all is well again")
    expected = {"out-first/1.txt": "one", "out-first/2.txt": "two", "out-first/3.txt": "three"}
    wait_for(lambda: objects(server, "out-first/") == expected, "all outputs are in their places, and nothing else")
    assert [each["value"] for each in place.json("metrics", "first", "--key", "joined")] == [1, 1, 1]
    assert place.node("first", "data")["incarnation"] == 1, "no restart was needed"
    text = place.ctl("status", "first").stdout + place.log("first", "data") + place.log("first", "join")
    assert server.environment()["AWS_SECRET_ACCESS_KEY"] not in text


def test_a_second_pipeline_that_watches_the_same_prefix_is_told_whose_it_is_and_takes_over_when_that_is_gone(
    place: Place, server: S3Server, before: Valve
) -> None:
    before.open()
    for key in objects(server, ""):
        server.client().delete_object(Bucket="lake", Key=key)
    place.ctl("start", PIPELINE, "--", "one", "lake", place.root)
    wait_for(lambda: "in/.anacostia/watched-by" in objects(server, "in/.anacostia"), "it is claimed")
    second = place.write("second.py", PIPELINE.read_text())
    place.ctl("start", second, "--", "two", "lake", place.root)
    wait_for(lambda: "node 'data' of pipeline 'one' does" in work(place, "two", "data"), "status says whose it is")
    assert place.runs("two") == []
    place.ctl("remove", "one")
    server.client().delete_object(Bucket="lake", Key="in/.anacostia/watched-by")
    put(server, "d", "four")
    wait_for(lambda: place.runs("two"), "the second one begins")
    assert place.node("two", "data")["incarnation"] == 1
