"""Deliveries to a real port: who is believed, what is kept, and what the sender hears."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from node_sdk import InvalidPipeline
from node_sdk.actions import from_environment
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import WebhookResourceNode, receiving, webhook
from node_sdk.resources.signing import Rejected, checked
from node_sdk.resources.webhook import file_name
from node_sdk.testing.resources import Scene

pytestmark = pytest.mark.slow

SECRET = "whsec_" + base64.b64encode(b"of ann and bob").decode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def a_scene(folder: Path, **settings: Any) -> Scene:
    store = SqliteMetadataStore("store", "sqlite:////nowhere/runs.db")
    given = {"port": free_port(), "secret": from_environment("HOOK"), "path": "/hook", "max_bytes": 1000, **settings}
    return Scene(store, WebhookResourceNode("hook", folder / "hook", store, **given), None)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setenv("HOOK", SECRET)
    scene = a_scene(tmp_path)
    with scene.rehearsal:
        begin(scene)
        yield scene
        scene.data.stop_monitoring()


def begin(scene: Scene) -> None:
    scene.rehearsal._bind("hook")
    scene.data.setup()
    scene.data.start_monitoring()


def signed(name: str, body: bytes, *, at: float | None = None, secret: bytes = b"of ann and bob") -> dict[str, str]:
    sent = str(int(time.time() if at is None else at))
    digest = hmac.new(secret, f"{name}.{sent}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,bm90IHRoaXMgb25l v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": name, "webhook-timestamp": sent, "webhook-signature": signature}


def url(scene: Scene) -> str:
    return f"http://127.0.0.1:{scene.data.port}/hook"


def send(scene: Scene, name: str, body: bytes, **how: Any) -> int:
    return post(scene, url(scene), body, signed(name, body, **how))


def post(scene: Scene, where: str, body: bytes, headers: dict[str, str]) -> int:
    """As a sender in a thread does, while the main loop of the node goes on in this one."""
    with ThreadPoolExecutor(1) as senders:
        sent = senders.submit(httpx.post, where, content=body, headers=headers)
        serve(scene, sent.done)
        return sent.result().status_code


def serve(scene: Scene, until: Callable[[], bool]) -> None:
    """The main loop, which is woken where something has arrived."""
    while not until():
        if scene.data.look_at() is not None:
            scene.data.look()
        threading.Event().wait(0.002)


def new(scene: Scene) -> list[str]:
    return [scene.data.to_location(each) for each in scene.data.list_artifacts("new")]


def test_a_delivery_is_an_artifact_before_the_sender_hears_that_it_was_taken(scene: Scene) -> None:
    assert send(scene, "msg_1", b'{"a": 1}') == 200
    assert new(scene) == ["msg_1"]
    assert scene.data.load_artifact("msg_1") == '{"a": 1}'
    scene.data.look()  # the folder is watched as well
    assert scene.data.get_num_artifacts() == 1


def test_the_same_delivery_again_is_taken_once_also_when_its_file_is_gone(scene: Scene) -> None:
    for _ in range(3):
        assert send(scene, "msg_1", b"one") == 200
    assert new(scene) == ["msg_1"]
    assert scene.run().state == "succeeded"
    Path(scene.data.to_path("msg_1")).unlink()
    assert send(scene, "msg_1", b"one") == 200
    assert scene.data.get_num_artifacts() == 1
    assert not Path(scene.data.to_path("msg_1")).exists()


def test_another_delivery_with_the_same_id_is_not_taken_for_it(scene: Scene) -> None:
    assert send(scene, "msg_1", b"one") == 200
    assert send(scene, "msg_1", b"two") == 409
    assert scene.data.load_artifact("msg_1") == "one"


def test_whoever_does_not_know_the_secret_leaves_nothing(scene: Scene) -> None:
    assert send(scene, "msg_1", b"x", secret=b"guessed") == 401
    right = signed("msg_1", b"x")
    for name in right:
        assert post(scene, url(scene), b"x", {**right, name: ""}) == 401
    assert post(scene, url(scene), b"y", right) == 401
    assert post(scene, url(scene), b"x", {**right, "webhook-id": "msg_2"}) == 401
    assert new(scene) == []
    assert [each.name for each in Path(scene.data.resource_path).iterdir() if each.is_file()] == []


@pytest.mark.parametrize("shift", [-400, 400])
def test_what_was_signed_outside_of_the_window_is_a_repetition(scene: Scene, shift: int) -> None:
    assert send(scene, "msg_1", b"x", at=time.time() + shift) == 401
    assert send(scene, "msg_1", b"x", at=time.time() + shift / 2) == 200


def test_too_much_too_little_and_elsewhere_are_refused(scene: Scene) -> None:
    assert send(scene, "large", b"x" * 1001) == 413
    assert send(scene, "largest", b"x" * 1000) == 200
    assert post(scene, url(scene) + "/x", b"x", signed("a", b"x")) == 404
    assert httpx.get(url(scene)).status_code == 501
    with socket.create_connection(("127.0.0.1", scene.data.port)) as raw:
        raw.sendall(b"POST /hook HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf")
        raw.shutdown(socket.SHUT_WR)
        assert b" 400 " in raw.recv(4096)
    with socket.create_connection(("127.0.0.1", scene.data.port)) as raw:
        raw.sendall(b"POST /hook HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert b" 411 " in raw.recv(4096)
    assert new(scene) == ["largest"]


def test_more_connections_than_it_may_hold_are_closed_and_served_when_there_is_room(scene: Scene) -> None:
    idle = [socket.create_connection(("127.0.0.1", scene.data.port)) for _ in range(receiving.MOST_AT_ONCE + 8)]
    assert idle[-1].recv(1) == b"", "closed unanswered"
    for each in idle:
        each.close()
    deadline = time.monotonic() + 10
    while True:
        try:
            assert send(scene, "late", b"x") == 200
            break
        except httpx.TransportError:
            assert time.monotonic() < deadline


def test_a_secret_that_is_not_there_is_waited_for(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK")
    assert send(scene, "a", b"x") == 503
    monkeypatch.setenv("HOOK", SECRET)
    assert send(scene, "a", b"x") == 200


def test_a_disk_that_takes_nothing_is_told_the_sender(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scene.data, "_keep", full)
    assert send(scene, "a", b"x") == 503
    monkeypatch.undo()
    monkeypatch.setenv("HOOK", SECRET)
    assert new(scene) == []
    assert send(scene, "a", b"x") == 200


def test_what_was_kept_and_not_recorded_is_recorded_at_the_next_start_and_known_to_a_repetition(scene: Scene) -> None:
    (Path(scene.data.resource_path) / "msg_1").write_bytes(b"one")
    half = Path(scene.data.resource_path) / ".anacostia" / "received" / "half"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"o")
    assert send(scene, "msg_1", b"one") == 200
    assert new(scene) == ["msg_1"]
    scene.data.stop_monitoring()
    scene.data.start_monitoring()
    assert new(scene) == ["msg_1"]
    assert not half.exists()


def test_many_senders_at_once_lose_nothing(scene: Scene) -> None:
    names = [f"m{number // 2}" for number in range(60)]
    with ThreadPoolExecutor(6) as senders:
        sent = [senders.submit(httpx.post, url(scene), content=b"x", headers=signed(name, b"x")) for name in names]
        serve(scene, lambda: all(each.done() for each in sent))
    assert {each.result().status_code for each in sent} == {200}
    assert sorted(new(scene)) == sorted(set(names))


def test_what_nobody_takes_does_not_pile_up(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "PATIENCE", 0.01)
    monkeypatch.setattr(webhook, "MOST_KEPT", 3)
    for number in range(5):
        given = signed(f"m{number}", b"x")
        assert httpx.post(url(scene), content=b"x", headers=given).status_code == 503
    assert len(new(scene)) == 0
    scene.data.look()
    assert sorted(new(scene)) == ["m0", "m1", "m2"]


def test_a_sender_is_not_kept_waiting_for_ever_and_hears_at_its_next_try_that_it_was_kept(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "PATIENCE", 0.1)
    assert httpx.post(url(scene), content=b"x", headers=signed("a", b"x")).status_code == 503
    assert new(scene) == []
    monkeypatch.undo()
    monkeypatch.setenv("HOOK", SECRET)
    assert send(scene, "a", b"x") == 200
    assert new(scene) == ["a"]


def test_a_port_that_is_taken_is_said_and_used_once_it_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", SECRET)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        scene = a_scene(tmp_path, port=taken.getsockname()[1])
        with scene.rehearsal:
            begin(scene)
            assert "cannot listen at 127.0.0.1:" in scene.data.trouble()
            assert scene.data.look_at() is not None
            taken.close()
            scene.data._again_at = 0.0  # the time has come
            scene.data.look()
            assert scene.data.trouble() is None
            assert send(scene, "a", b"x") == 200
            scene.data.stop_monitoring()


def test_deliveries_of_github_are_believed_by_their_own_scheme() -> None:
    body = b'{"zen": 1}'
    signature = "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    headers = {"x-github-delivery": "guid", "x-hub-signature-256": signature}
    assert checked("github", "s3cret", headers, body, 0.0, 300) == "guid"
    for wrong in ({**headers, "x-hub-signature-256": "sha256=00"}, {"x-github-delivery": "guid"}):
        with pytest.raises(Rejected):
            checked("github", "s3cret", wrong, body, 0.0, 300)


def test_the_example_of_the_standard_is_believed() -> None:
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert checked("standard", secret, headers, body, 1614265331.0, 300) == "msg_p5jXN8AQM9LWM0D4loKWxJek"


def test_an_id_is_a_name_that_leads_nowhere_else_and_is_not_hidden() -> None:
    names = {file_name(each) for each in ("../x", ".x", "x.tmp", "x~", "a/b", "x" * 500, "x" * 499 + "y", "ü", "..")}
    assert len(names) == 9
    assert not any(each.startswith(".") or "/" in each or each.endswith((".tmp", "~")) for each in names)
    assert max(map(len, names)) < 256


@pytest.mark.parametrize(
    "settings", [{"secret": "s3cret"}, {"scheme": "none"}, {"port": 0}, {"path": "hook"}, {"window": 0}], ids=str
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidPipeline) as refused:
        a_scene(tmp_path, **settings)
    assert "s3cret" not in str(refused.value)
