"""Requests over HTTP as actions, to a server in another process."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node_sdk import BaseResourceNode, InvalidPipeline, Pipeline
from node_sdk.actions import HttpActionNode, HttpResponse, from_file
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.testing import Rehearsal, TaskResult


class Server:
    """The server, and what it was asked."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self._said = process.stdout
        self.url = f"http://127.0.0.1:{int(self._said.readline())}"

    def asked(self) -> dict[str, Any]:
        """The next request."""
        found: dict[str, Any] = json.loads(self._said.readline())
        return found


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    command = [sys.executable, str(Path(__file__).with_name("web_server.py"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield Server(process)
        process.kill()


def executed(url: Any, kind: type[HttpActionNode] = HttpActionNode, **given: Any) -> tuple[TaskResult, str]:
    """How it ended, and the key of the task."""
    store = SqliteMetadataStore("store", "sqlite:////nowhere/runs.db")
    data = BaseResourceNode("data", "/nowhere", store)
    node = kind("call", url, [data], **given)
    keys: list[str] = []
    node.before_execution = lambda: keys.append(node.task_key)  # type: ignore[method-assign]
    with Rehearsal(Pipeline([store, data, node], name="tiny")) as rehearsal:
        return rehearsal.execute("call", rehearsal.start_run()), keys[0]


def test_a_request_carries_its_body_its_token_and_the_key_of_its_task(server: Server, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    result, key = executed(
        lambda node: f"{server.url}/hook?run={node.run_id}",
        body=lambda node: {"run": node.run_id},
        headers={"X-More": "1"},
        token=from_file(tmp_path / "token"),
    )
    assert result.state == "succeeded"
    asked = server.asked()
    assert (asked["method"], asked["path"], json.loads(asked["body"])) == ("POST", "/hook?run=1", {"run": 1})
    wanted = {
        "authorization": "Bearer s3cret",
        "content-type": "application/json",
        "idempotency-key": key,
        "x-more": "1",
    }
    assert wanted.items() <= asked["headers"].items()


def test_each_method_and_kind_of_body_is_sent_as_it_is(server: Server) -> None:
    assert executed(server.url, method="get")[0].state == "succeeded"
    assert server.asked()["method"] == "GET"
    executed(server.url, method="PUT", body="größer")
    asked = server.asked()
    assert (asked["body"], asked["headers"]["content-type"]) == ("größer", "text/plain; charset=utf-8")
    executed(server.url, body=b"raw")
    assert server.asked()["headers"]["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("path", "state", "words"),
    [
        ("status/204", "succeeded", ""),
        ("status/409", "failed", "returned False"),
        ("status/404", "error", '/status/404 was answered with status 404: {"you": "asked"'),
        ("status/500", "error", "was answered with status 500"),
        ("moved", "error", "was answered with status 302"),
        ("dies", "error", "cannot send POST"),
        ("slow", "error", "timed out"),
    ],
)
def test_an_answer_says_how_the_task_ended(server: Server, path: str, state: str, words: str) -> None:
    result, _ = executed(f"{server.url}/{path}", failure=[409], response_timeout=0.2)
    assert server.asked()["path"] == f"/{path}"  # and it was asked once: what follows asks something else
    assert result.state == state and words in (result.error or "")


def test_a_class_of_ones_own_looks_into_the_answer(server: Server) -> None:
    class Asks(HttpActionNode):
        def received(self, response: HttpResponse) -> bool:
            assert response.headers["Content-Length"] == str(len(response.body))
            return bool(response.json() == {"you": "asked", "path": "/ok"})

    assert executed(f"{server.url}/ok", Asks)[0].state == "succeeded"
    assert executed(f"{server.url}/no", Asks)[0].state == "failed"
    assert [server.asked()["path"], server.asked()["path"]] == ["/ok", "/no"]


def test_what_is_secret_in_an_address_stays_out_of_errors() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    result, _ = executed(f"http://127.0.0.1:{port}/hook?key=hidden")
    assert result.error is not None
    first = result.error.splitlines()[0]
    assert f"cannot send POST http://127.0.0.1:{port}/hook for action 'call'" in first
    assert "refused" in first and "hidden" not in first
    with pytest.raises(InvalidPipeline, match=r"'http://\*\*\*@host/hook' is no .* address, or has a password in it"):
        executed("http://user:pass@host/hook")


@pytest.mark.parametrize(
    ("given", "words"),
    [({"body": {1, 2}}, "cannot send the body of action 'call': it is no JSON"), ({"url": 5}, "5 is no http://")],
)
def test_what_a_function_gives_is_checked_as_what_is_written_down(
    server: Server, given: dict[str, Any], words: str
) -> None:
    result, _ = executed(lambda node: given.get("url", server.url), body=given.get("body"))
    assert result.state == "error" and words in (result.error or "")
