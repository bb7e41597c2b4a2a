"""What an API may answer instead of what it promised; large documents; tokens."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from items_server import items_server
from valve import HTML, valve

from node_sdk import InvalidPipeline
from node_sdk.actions import from_environment
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import HttpResourceNode
from node_sdk.testing.resources import Scene

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with items_server() as url:
        yield url


@pytest.fixture(autouse=True)
def empty(server: str) -> None:
    httpx.delete(f"{server}/items")
    fault(server, times=0)


def a_scene(url: str, **settings: Any) -> Scene:
    store = SqliteMetadataStore("store", "sqlite:////nowhere/runs.db")
    return Scene(store, HttpResourceNode("api", url, store, **settings), None)


@pytest.fixture
def listing(server: str) -> Iterator[Scene]:
    for name in ("a", "b", "c"):
        httpx.put(f"{server}/items/{name}", content=name)
    scene = a_scene(f"{server}/items", items="/data/items", key="/id")
    with scene.rehearsal:
        yield scene


@pytest.fixture
def document(server: str) -> Iterator[Scene]:
    httpx.put(f"{server}/file", content=b"first")
    scene = a_scene(f"{server}/file?key=k3y")
    with scene.rehearsal:
        yield scene


def fault(server: str, **words: Any) -> None:
    httpx.put(f"{server}/fault", json=words)


def log(server: str) -> list[str]:
    found: list[str] = httpx.get(f"{server}/log").json()
    return found


def trouble(scene: Scene) -> str:
    scene.rehearsal.look()
    return str(scene.data.trouble())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": 500, "body": "out of\norder"}, "status 500, 'out of order'"),
        ({"status": 429}, "too many requests"),
        ({"status": 401}, "the credentials are refused"),
        ({"status": 302, "headers": {"Location": "https://elsewhere/x?s=1"}}, "it has moved to https://elsewhere/x;"),
        ({"status": 404}, "there is nothing at that address"),
        ({"status": 200, "body": HTML.decode(), "headers": {"Content-Type": "text/html"}}, "text/html, no JSON"),
        ({"status": 200, "body": "[" * 100_000}, "no JSON"),
        ({"status": 200, "body": '{"data": {}}'}, "there is nothing at '/data/items'"),
        ({"status": 200, "body": '{"data": {"items": {}}}'}, "is no list"),
        ({"status": 200, "body": '{"data": {"items": [{"id": null}]}}'}, "is no name"),
        ({"status": 200, "body": '{"data": {"items": [{}]}}'}, "there is nothing at '/id'"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)
def test_an_answer_that_is_not_what_was_promised_is_said_and_the_next_look_finds_everything(
    listing: Scene, server: str, answer: dict[str, Any], words: str
) -> None:
    fault(server, **answer)
    assert words in trouble(listing)
    assert listing.new() == ["a", "b", "c"]


def test_a_listing_that_breaks_off_in_the_middle_loses_and_doubles_nothing(listing: Scene, server: str) -> None:
    fault(server, after=1, status=500)
    assert "status 500" in trouble(listing)
    assert listing.data.list_artifacts("new") == [f"{server}/items#a", f"{server}/items#b"], "of the first page"
    assert listing.new() == ["a", "b", "c"]
    assert listing.data.get_num_artifacts() == 3


def test_who_asks_for_a_pause_gets_it(listing: Scene, server: str) -> None:
    fault(server, status=503, headers={"Retry-After": "42"})
    listing.data.look()
    assert 42 <= listing.data._due - listing.data._last_look < 43
    listing.data.look()
    assert listing.data.trouble() is None


def test_a_next_page_on_another_server_is_not_asked(listing: Scene, server: str) -> None:
    fault(server, status=200, body='{"data": {"items": []}}', headers={"Link": '<https://evil.example/>; rel="next"'})
    assert "its next page is on another server" in trouble(listing)


def test_pages_that_lead_in_a_circle_are_read_once(listing: Scene, server: str) -> None:
    page = '{"data": {"items": [{"id": "x"}]}}'
    fault(server, status=200, body=page, headers={"Link": '</items>; rel="next"'})
    assert listing.new() == ["x"]
    assert listing.new() == ["a", "b", "c", "x"]


def test_a_document_is_one_artifact_and_no_news_is_a_short_answer(document: Scene, server: str) -> None:
    assert document.new() == ["file"]
    document.run()
    document.data.look()
    document.data.look()
    assert log(server)[-1].startswith('/file?key=k3y "')
    httpx.put(f"{server}/file", content=b"second")
    assert document.new() == ["file"]
    read: list[str] = []
    assert document.run(lambda: read.append(document.data.load_artifact("file"))).state == "succeeded"
    assert read == ["second"]
    assert document.data.list_artifacts() == [f"{server}/file#file"] * 2, "the query may hold a secret"


def test_a_document_that_was_replaced_is_not_read_for_the_one_that_was_claimed(document: Scene, server: str) -> None:
    document.new()
    httpx.put(f"{server}/file", content=b"second")
    result = document.run(lambda: document.data.load_artifact("file"))
    assert "it was replaced after it was recorded" in (result.error or "")


def test_a_document_that_is_cut_short_is_no_document(document: Scene, server: str) -> None:
    fault(server, cut=3)
    assert "cannot get" in trouble(document)
    assert document.new() == ["file"]
    fault(server, cut=3)
    result = document.run(lambda: document.data.load_artifact("file"))
    assert "cannot read" in (result.error or "")


def test_html_in_the_place_of_a_document_is_no_document(document: Scene, server: str) -> None:
    fault(server, status=200, body=HTML.decode(), headers={"Content-Type": "text/html"})
    assert "it gives HTML" in trouble(document)
    assert document.new() == ["file"]


def test_a_document_larger_than_the_memory_that_it_may_take_is_streamed(document: Scene, server: str) -> None:
    httpx.put(f"{server}/file", content=b"0123456789abcdef" * 2**22)  # 64 MiB
    document.rehearsal.look()
    before, most = psutil.Process().memory_info().rss, 0
    assert document.new() == ["file"]

    def job() -> None:
        nonlocal most
        with document.data.open_artifact("file") as file:
            while file.read(2**20):
                most = max(most, psutil.Process().memory_info().rss)

    assert document.run(job).state == "succeeded"
    assert most - before < 24 * 2**20


def test_a_server_that_is_away_is_waited_for(server: str) -> None:
    port = int(server.rpartition(":")[2])
    httpx.put(f"{server}/items/a", content="a")
    with valve(port) as before:
        scene = a_scene(f"{before.url}/items", items="/data/items")
        with scene.rehearsal:
            assert "Connection refused" in trouble(scene)
            before.open()
            assert scene.new() == ["a"]
            before.shut()
            assert "Connection refused" in trouble(scene)
            assert scene.data.get_num_artifacts("new") == 1


def test_the_token_is_read_for_each_request_and_shown_nowhere(
    server: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("API_TOKEN", raising=False)
    scene = a_scene(f"{server}/items", items="/data/items", token=from_environment("API_TOKEN"))
    with scene.rehearsal:
        assert "environment variable 'API_TOKEN'" in trouble(scene)
        monkeypatch.setenv("API_TOKEN", "t0ps3cret")
        assert scene.new() == []
        assert log(server)[-1].endswith("Bearer t0ps3cret")
        fault(server, status=500)
        assert "t0ps3cret" not in trouble(scene) + caplog.text


def test_a_certificate_that_nobody_trusts_is_said(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*made, *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as there:
        there.socket = context.wrap_socket(there.socket, server_side=True)
        Thread(target=there.serve_forever, daemon=True).start()
        url = f"https://127.0.0.1:{there.server_address[1]}/"
        distrusting, trusting = a_scene(url, items=""), a_scene(url, items="", ca_file=str(certificate))
        with distrusting.rehearsal:
            assert "CERTIFICATE_VERIFY_FAILED" in trouble(distrusting)
        with trusting.rehearsal:
            assert trusting.new() == []
        there.shutdown()


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("ftp://host/x", {}),
        ("https://ann:s3cret@host/x", {}),
        ("https://host/x", {"item_url": "/x/{key}"}),
        ("https://host/x", {"items": "data"}),
        ("https://host/x", {"token": "t0p"}),
        ("https://host/x", {"init_state": "other"}),
        ("http://host/x", {"token": from_environment("TOKEN")}),
        ("https://host/x", {"token": from_environment("TOKEN"), "item_url": "http://host/x/{key}"}),
    ],
)
def test_what_could_not_work_or_would_show_a_secret_is_refused(url: str, settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidPipeline) as refused:
        a_scene(url, **settings)
    assert "s3cret" not in str(refused.value) and "t0p" not in str(refused.value)
