"""The guard before a real server: names, origins, tokens, read-only, sizes, paces, and the headers of every answer."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from e2e.somebody import as_nobody, needs_root
from web.conftest import serving
from web.dashboard import NAME, Dashboard

from anacostia_daemon.web.security.guard import HEADERS
from anacostia_daemon.web.security.limits import ACTING, MOST_BODY
from anacostia_daemon.web.security.peers import is_trusted, user_of

TOKEN = "open sesame, and nothing else"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard with a token, that only shows, under one more name."""
    file: Path = tmp_path_factory.mktemp("token") / "token"
    file.write_text(f"{TOKEN}\n")
    with serving(f'token_file = "{file}"\nread_only = true\nallowed_hosts = ["dash.example"]') as found:
        yield found


@pytest.mark.parametrize("path", ["/", "/api/v1/pipelines", "/api/v1/nothing", "/static/css/base.css", "/nothing"])
def test_every_answer_makes_the_browser_strict(dashboard: Dashboard, path: str) -> None:
    answer = httpx.get(dashboard.url + path)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert "server" not in answer.headers


def test_a_name_that_is_not_ours_is_refused_before_anything_else(dashboard: Dashboard) -> None:
    answer = httpx.get(f"{dashboard.url}/api/v1/pipelines", headers={"Host": "rebound.example"})
    assert answer.status_code == 403
    assert "rebound.example" in answer.json()["error"]["message"]


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_another_site_can_do_nothing(api: httpx.Client, headers: dict[str, str]) -> None:
    before = api.get(f"/pipelines/{NAME}/runs").json()["items"][0]["id"]
    assert api.post(f"/pipelines/{NAME}/trigger", headers=headers).status_code == 403
    assert api.get(f"/pipelines/{NAME}/runs").json()["items"][0]["id"] == before


def test_a_request_that_is_too_long_is_refused_whether_it_says_so_or_not(dashboard: Dashboard) -> None:
    at = f"{dashboard.url}/api/v1/pipelines/{NAME}/trigger"

    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 8192

    for content in (b"x" * (MOST_BODY + 1), endless()):
        try:
            answer = httpx.post(at, content=content)
        except httpx.TransportError:
            continue  # hung up on, before the answer could be read
        assert answer.status_code in (413, 400)


def test_without_the_token_there_is_a_form_for_people_and_a_no_for_programs(guarded: Dashboard) -> None:
    asked = httpx.get(f"{guarded.url}/pipelines/x")
    assert (asked.status_code, asked.headers["Location"]) == (303, "/login?next=/pipelines/x")
    refused = httpx.get(f"{guarded.url}/api/v1/pipelines")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "unauthorized")
    assert httpx.get(f"{guarded.url}/api/v1/events").status_code == 401
    assert httpx.get(f"{guarded.url}/login").status_code == 200
    wrong = {"Authorization": f"Bearer {TOKEN}x"}
    assert httpx.get(f"{guarded.url}/api/v1/pipelines", headers=wrong).status_code == 401


def test_the_token_opens_for_programs(guarded: Dashboard) -> None:
    given = {"Authorization": f"Bearer {TOKEN}", "Host": "dash.example"}
    assert httpx.get(f"{guarded.url}/api/v1/pipelines", headers=given).status_code == 200


def test_the_token_opens_for_a_browser_and_nothing_else_can_use_its_cookie(guarded: Dashboard) -> None:
    with httpx.Client(base_url=guarded.url) as client:
        entered = client.post("/login", data={"token": TOKEN, "name": "Ann", "next": "//evil.example"})
        assert (entered.status_code, entered.headers["Location"]) == (303, "/")
        said = entered.headers["Set-Cookie"].lower()
        assert "httponly" in said and "samesite=strict" in said and TOKEN not in said
        assert "Log out" in client.get("/").text
        left = client.post("/logout")
        assert left.status_code == 303
        assert client.get("/").status_code == 303


def test_what_only_shows_changes_nothing(guarded: Dashboard) -> None:
    given = {"Authorization": f"Bearer {TOKEN}"}
    answer = httpx.post(f"{guarded.url}/api/v1/pipelines/{NAME}/stop", headers=given)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "denied")
    assert "read-only" in answer.json()["error"]["message"]


def test_tokens_cannot_be_guessed_for_long(guarded: Dashboard) -> None:
    with httpx.Client(base_url=guarded.url) as client:
        statuses = [client.post("/login", data={"token": f"guess {number}"}).status_code for number in range(8)]
        assert 429 in statuses and 200 not in statuses and 303 not in statuses
        assert client.post("/login", data={"token": TOKEN}).status_code == 429


def test_nobody_can_do_a_hundred_things_at_once(guarded: Dashboard) -> None:
    with httpx.Client(base_url=guarded.url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        answers = [client.post(f"/api/v1/pipelines/{NAME}/stop") for _ in range(int(ACTING.burst) * 2)]
    often = [answer for answer in answers if answer.status_code == 429]
    assert often and often[0].headers["Retry-After"]


def test_the_journal_says_who_did_what(api: httpx.Client, dashboard: Dashboard) -> None:
    api.post(f"/pipelines/{NAME}/nodes/check/pause")
    api.post(f"/pipelines/{NAME}/nodes/check/resume")
    api.post(f"/pipelines/{NAME}/runs/1/tags", json={"set": {"seen": 1}})
    lines = api.get(f"/pipelines/{NAME}/journal", params={"limit": 50}).json()["items"]
    reasons = [line["reason"] for line in lines]
    who = "somebody at 127.0.0.1, on the dashboard"
    assert f"paused by {who}" in reasons
    assert f"run 1 was tagged: seen by {who}" in reasons


def test_bytes_of_an_artifact_execute_nowhere(api: httpx.Client, dashboard: Dashboard) -> None:
    before = dashboard.newest_run()
    dashboard.drop("page.html", "<script>alert(1)</script>")
    dashboard.run_ended(before + 1)
    [found] = [
        each
        for each in api.get(f"/pipelines/{NAME}/artifacts", params={"resource": "numbers"}).json()["items"]
        if each["location"] == "page.html"
    ]
    answer = api.get(f"/pipelines/{NAME}/artifacts/{found['id']}/content")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_link_in_a_resource_leads_nowhere(api: httpx.Client, dashboard: Dashboard) -> None:
    before = dashboard.newest_run()
    dashboard.drop("link", "4")
    dashboard.run_ended(before + 1)
    [found] = [
        each
        for each in api.get(f"/pipelines/{NAME}/artifacts", params={"resource": "numbers"}).json()["items"]
        if each["location"] == "link"
    ]
    place = dashboard.daemon.folder / "numbers" / "link"
    place.unlink()
    place.symlink_to("/etc/passwd")
    answer: Any = api.get(f"/pipelines/{NAME}/artifacts/{found['id']}/content")
    assert answer.status_code == 404
    assert "root:" not in answer.text


@needs_root
def test_another_user_of_the_machine_is_turned_away_in_words(dashboard: Dashboard) -> None:
    at = urlsplit(dashboard.url)

    def ask() -> str:
        with socket.create_connection((at.hostname, at.port), 10) as asking:
            asking.sendall(f"GET /api/v1/pipelines HTTP/1.1\r\nHost: {at.netloc}\r\n\r\n".encode())
            return asking.recv(4096).decode()

    assert as_nobody(ask).startswith("HTTP/1.1 403 Forbidden")
    assert ask().startswith("HTTP/1.1 200")


def test_whose_a_connection_is_the_kernel_says(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        with socket.create_connection(listening.getsockname()) as made:
            ours, _ = listening.accept()
            assert user_of(made.getsockname(), listening.getsockname()) == os.geteuid()
            ours.close()
        assert user_of(("127.0.0.1", 1), listening.getsockname()) is None
    assert user_of(("127.0.0.1", 1), ("127.0.0.1", 2), tmp_path / "no such table") == os.geteuid()
    assert not is_trusted(None)


def test_whose_a_connection_was_is_not_believed_once_its_owner_has_closed_it(tmp_path: Path) -> None:
    """The system shows it as root's until it is forgotten; what was written before would be done in root's name."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        with socket.create_connection(listening.getsockname()) as made:
            made.sendall(b"POST / HTTP/1.1\r\n\r\n")
            peer = made.getsockname()
        found = user_of(peer, listening.getsockname())
    assert found is None
    table = tmp_path / "tcp"
    ends = "0100007F:0001 0100007F:0002"
    table.write_text(f"heads\n 0: {ends} 05 00000000:00000000 00:00000000 00000000 0 0 0 2\n")
    assert user_of(("127.0.0.1", 1), ("127.0.0.1", 2), table) is None


def test_nobody_is_trusted_of_whom_nothing_is_known() -> None:
    assert not is_trusted(None)
    assert not is_trusted(65534)
