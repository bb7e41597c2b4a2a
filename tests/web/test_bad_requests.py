"""What people and programs get wrong, and what goes wrong under them. Nothing is answered 500, and the rest goes on."""

from __future__ import annotations

import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from web.dashboard import NAME, Dashboard

from anacostia_daemon.web.facts import logs
from anacostia_daemon.web.facts.errors import CannotShow

AT = f"/pipelines/{NAME}"


@pytest.mark.parametrize(
    "path",
    [
        "/pipelines/nobody",
        "/pipelines/nobody/graph",
        "/pipelines/nobody/runs",
        "/pipelines/nobody/metrics",
        f"{AT}/nodes/nobody",
        f"{AT}/nodes/nobody/logs",
        f"{AT}/runs/4711",
        f"{AT}/runs/4711/logs",
        f"{AT}/artifacts/4711",
        f"{AT}/artifacts/4711/lineage",
        f"{AT}/artifacts/4711/content",
        "/nothing",
    ],
)
def test_what_is_not_there_is_said_to_be_unknown(api: httpx.Client, path: str) -> None:
    answer = api.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "unknown"
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/runs", {"state": "sideways"}),
        ("/runs", {"metric": "loss<small"}),
        ("/runs", {"since": "yesterday"}),
        ("/runs", {"since": "0001-01-01T00:00:00+14:00"}),
        ("/runs", {"before": "0"}),
        ("/runs", {"before": str(2**70)}),
        ("/runs", {"limit": "1000000"}),
        ("/runs/x", {}),
        ("/runs/0", {}),
        ("/artifacts", {"state": "lost"}),
        ("/metrics/series", {"run": "x"}),
        ("/metrics/series", {"over": "time"}),
        ("/nodes/check/logs", {"level": "LOUD"}),
        ("/nodes/check/logs", {"before": "somewhere"}),
        ("/nodes/check/logs", {"after": "-"}),
    ],
)
def test_nonsense_is_said_to_be_invalid(api: httpx.Client, path: str, parameters: dict[str, str]) -> None:
    answer = api.get(AT + path, params=parameters)
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["message"].startswith("cannot ")


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/runs", {"tag": "=", "metric": "<=0"}),
        ("/runs", {"tag": "no such tag", "since": "1970-01-01"}),
        ("/runs", {"until": "9999-12-31T23:59:59Z"}),
        ("/runs", {"until": "1970-01-01T00:00:00Z"}),
        ("/metrics/series", {"key": "\u202e\n' OR 1=1 --"}),
        ("/nodes/check/logs", {"search": "%\\E["}),
        ("/nodes/check/logs", {"before": f"{2**70}-{2**70}"}),
        ("/journal", {"node": "nobody", "before": "1"}),
    ],
)
def test_what_fits_nothing_gives_nothing(api: httpx.Client, path: str, parameters: dict[str, str]) -> None:
    answer = api.get(AT + path, params=parameters)
    assert answer.status_code == 200, answer.text


def test_the_times_of_runs_are_found_by_halving(api: httpx.Client, dashboard: Dashboard) -> None:
    dashboard.drop("timed", "1")
    dashboard.run_ended(dashboard.newest_run() or 1)
    items = api.get(f"{AT}/runs", params={"limit": 500}).json()["items"]
    middle = items[len(items) // 2]
    until = api.get(f"{AT}/runs", params={"until": middle["started_at"], "limit": 500}).json()["items"]
    since = api.get(f"{AT}/runs", params={"since": middle["started_at"], "limit": 500}).json()["items"]
    assert until[0]["id"] == middle["id"] == since[-1]["id"]
    assert [each["id"] for each in since[:-1] + until][: len(items)] == [each["id"] for each in items]


def test_pages_of_runs_join_without_a_gap(api: httpx.Client) -> None:
    whole = [each["id"] for each in api.get(f"{AT}/runs", params={"limit": 500}).json()["items"]]
    found: list[int] = []
    before = None
    while True:
        page = api.get(f"{AT}/runs", params={"limit": 1, **({"before": before} if before else {})}).json()
        found += [each["id"] for each in page["items"]]
        before = page["next"]
        if before is None:
            break
    assert found == whole


def test_runs_are_found_by_what_they_logged(api: httpx.Client) -> None:
    odd = api.get(f"{AT}/runs", params={"tag": "kind=odd", "metric": "double>=2"}).json()
    assert 1 in [each["id"] for each in odd["items"]]
    assert api.get(f"{AT}/runs", params={"tag": "kind=neither"}).json()["items"] == []


def line(number: int, text: str) -> bytes:
    return f"2026-11-23T10:00:00.{number % 1000:03}Z INFO     train[7] run={number} {text}\n".encode()


def test_a_log_is_read_back_and_on_page_by_page(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_bytes(b"".join(line(number, f"line {number}") for number in range(1, 6001)))
    found: list[str] = []
    page = logs.page(log, limit=500)
    while True:
        found = [each["text"] for each in page["lines"]] + found
        if page["before"] is None:
            break
        page = logs.page(log, limit=500, before=page["before"])
    assert found == [f"line {number}" for number in range(1, 6001)]
    end = logs.page(log, limit=1)["after"]
    with log.open("ab") as file:
        file.write(line(6001, "line 6001") + b"not yet end")
    more = logs.page(log, after=end)
    assert [each["text"] for each in more["lines"]] == ["line 6001"]
    assert logs.page(log, after=more["after"])["lines"] == []


def test_a_log_is_searched_by_words_level_and_run(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_bytes(line(1, "begin") + line(2, "begin") + b"2026-11-23T10:00:01.000Z ERROR    train[7] run=2 LOST\n")
    assert [each["text"] for each in logs.page(log, run_id=2)["lines"]] == ["begin", "LOST"]
    assert [each["text"] for each in logs.page(log, level="ERROR")["lines"]] == ["LOST"]
    assert [each["text"] for each in logs.page(log, search="lost")["lines"]] == ["LOST"]


def test_a_line_of_ten_megabytes_is_shown_in_part_and_quickly(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_bytes(line(1, "before") + b"x" * 10_000_000 + b"\n" + line(2, "after"))
    began = time.monotonic()
    page = logs.page(log, limit=10)
    assert time.monotonic() - began < 2
    assert page["lines"][-1]["text"] == "after"
    assert all(len(each["text"]) <= logs.LONGEST_LINE for each in page["lines"])
    found = []
    while page["before"]:
        page = logs.page(log, limit=10, before=page["before"])
        found += page["lines"]
    assert found[0]["text"] == "before" or "before" in [each["text"] for each in found]


def test_a_binary_log_is_shown_as_what_it_is(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_bytes(bytes(range(256)) * 400)
    lines = logs.page(log)["lines"]
    assert lines and all(each["text"].isprintable() or "\t" in each["text"] for each in lines)
    assert not any("\x1b" in each["text"] or "\0" in each["text"] for each in lines)


def test_a_log_that_is_no_file_of_ours_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "train.log").symlink_to("/etc/passwd")
    assert logs.page(tmp_path / "train.log")["lines"] == []
    with pytest.raises(CannotShow):
        logs.page(tmp_path / "train.log", before="x")


def test_a_node_that_vanishes_while_it_is_looked_at_is_unknown_then(api: httpx.Client, dashboard: Dashboard) -> None:
    file = dashboard.daemon.folder / "pipeline.py"
    whole = file.read_text()
    try:
        file.write_text(whole.replace(', Check("check", [double], store)', ""))
        dashboard.daemon.ask("reload", pipeline=NAME)
        dashboard.daemon.until(lambda: api.get(f"{AT}/nodes/check").status_code == 404, "check is gone")
        assert api.get(f"{AT}/nodes/check/logs").status_code == 404
        assert api.get(f"{AT}/runs/1").status_code == 200
    finally:
        file.write_text(whole)
        dashboard.daemon.ask("reload", pipeline=NAME)
        dashboard.daemon.until_ready(NAME)


def test_a_store_that_is_down_leaves_the_overview_standing(api: httpx.Client, dashboard: Dashboard) -> None:
    os.kill(dashboard.daemon.pids(NAME)["store"], signal.SIGKILL)
    assert api.get("/pipelines").status_code == 200
    dashboard.daemon.until_ready(NAME)


# ---- listeners


def listen(dashboard: Dashboard) -> socket.socket:
    """A browser that asks for events and never reads."""
    at = urlsplit(dashboard.url)
    made = socket.create_connection((at.hostname, at.port), 10)
    made.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: {at.netloc}\r\n\r\n".encode())
    return made


def hears(listening: socket.socket, what: bytes) -> bool:
    """True once it does."""
    heard = b""
    while what not in heard:
        data = listening.recv(65536)
        assert data, heard
        heard += data
    return True


def test_a_hundred_browsers_hear_of_a_run_at_once(dashboard: Dashboard) -> None:
    before = dashboard.newest_run()
    crowd = [listen(dashboard) for _ in range(100)]
    try:
        for each in crowd:
            each.settimeout(10)
            assert hears(each, b"event: hello")
        dashboard.drop("crowd", "5")
        dashboard.run_ended(before + 1)
        with ThreadPoolExecutor(10) as pool:
            assert all(pool.map(lambda each: hears(each, b"event: run"), crowd))
    finally:
        for each in crowd:
            each.close()


def test_a_browser_that_never_reads_costs_nobody_anything(dashboard: Dashboard, api: httpx.Client) -> None:
    deaf = listen(dashboard)
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    process = web_process(dashboard)
    before = process.memory_info().rss
    try:
        for number in range(30):
            newest = dashboard.newest_run()
            dashboard.drop(f"deaf-{number}", "6")
            dashboard.run_ended(newest + 1)
        assert api.get("/pipelines").status_code == 200
        assert process.memory_info().rss - before < 16 * 1024**2
    finally:
        deaf.close()


def web_process(dashboard: Dashboard) -> psutil.Process:
    [found] = [
        each
        for each in psutil.process_iter(["cmdline"])
        if (each.info["cmdline"] or [])[-2:] == ["anacostia_daemon.web", str(dashboard.daemon.home.path)]
    ]
    return found


def test_the_dashboard_ends_with_its_daemon_and_an_open_page_comes_back_with_the_next(
    browser: Any, own_dashboard: Dashboard
) -> None:
    port = urlsplit(own_dashboard.url).port
    home = own_dashboard.daemon.home.path
    (home / "anacostia.toml").write_text(f"[web]\nport = {port}\n")
    page = browser.new_page()
    page.goto(own_dashboard.url)
    page.get_by_text("live", exact=True).wait_for()
    process = web_process(own_dashboard)
    own_dashboard.daemon.kill()
    page.get_by_text("reconnecting", exact=True).wait_for()
    own_dashboard.daemon.until(
        lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, "the dashboard is gone, too"
    )
    own_dashboard.daemon.spawn()
    page.get_by_text("live", exact=True).wait_for()
    page.close()


def test_a_dashboard_that_is_killed_is_started_again(own_dashboard: Dashboard) -> None:
    first = web_process(own_dashboard)
    first.kill()
    own_dashboard.daemon.until(lambda: not first.is_running() or first.status() == psutil.STATUS_ZOMBIE, "it is dead")
    own_dashboard.find()
    assert web_process(own_dashboard).pid != first.pid
