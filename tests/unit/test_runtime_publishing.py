"""What becomes of an output that cannot be put in its place."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from types import SimpleNamespace
from typing import Any

import pytest

from node_sdk.errors import ResourceUnavailable
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode, staging
from node_sdk.resources.polling import LONGEST_ASKED
from node_sdk.runtime.enduring import PAUSE_FIRST, Until
from node_sdk.runtime.interrupt import Stopping
from node_sdk.runtime.publishing import publish
from node_sdk.wire.store import Output

OUTPUTS = tuple(Output("models", name, f".anacostia/staging/1-job/1/{name}", "abc", 3) for name in ("one", "two"))


@pytest.fixture
def live(tmp_path: Any) -> Any:
    models = FilesystemStoreNode("models", tmp_path, SqliteMetadataStore("store", "sqlite://"), monitoring=False)
    for each in OUTPUTS:
        (tmp_path / each.staging).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / each.staging).write_text("abc")
    link = SimpleNamespace(unhurried=contextlib.nullcontext, work=lambda words: None)
    return SimpleNamespace(pipeline={"models": models}, link=link, interrupt=SimpleNamespace(stopping=False), waited=[])


def fail_at_first(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    real = staging.publish

    def publish_one(resource: Any, output: Output) -> Any:
        if output.location == "one":
            raise OSError(number, os.strerror(number))
        return real(resource, output)

    monkeypatch.setattr(staging, "publish", publish_one)


@pytest.mark.parametrize("name", ["EISDIR", "ENOTDIR", "EXDEV", "EACCES", "EEXIST", "EROFS"])
def test_an_output_that_will_never_come_to_its_place_is_lost_and_the_others_are_not(
    live: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    number = getattr(errno, name)
    fail_at_first(monkeypatch, number)
    (lost,) = publish(live, OUTPUTS)
    assert (lost.resource, lost.location) == ("models", "one")
    assert os.strerror(number) in lost.reason
    assert (tmp_path / "two").read_text() == "abc"


@pytest.mark.parametrize("name", ["ENOSPC", "EIO", "EINTR", "EMFILE"])
def test_what_may_pass_is_left_to_the_next_incarnation(live: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    number = getattr(errno, name)
    fail_at_first(monkeypatch, number)
    with pytest.raises(OSError, match=os.strerror(number)):
        publish(live, OUTPUTS)


def test_a_resource_that_is_away_is_waited_for_and_never_for_as_long_as_it_likes(
    live: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([ResourceUnavailable("away"), ResourceUnavailable("away", 1e9)])
    real = live.pipeline["models"].publish

    def publish_late(output: Output) -> str:
        for error in answers:
            raise error
        return real(output)

    def wait(until: Until, inbox: bool) -> None:
        live.waited.append(until.deadline() - time.monotonic())
        until._end = 0.0

    monkeypatch.setattr(live.pipeline["models"], "publish", publish_late)
    live.wait = wait
    assert publish(live, OUTPUTS) == ()
    assert (tmp_path / "one").exists()
    assert [round(each, 1) for each in live.waited] == [PAUSE_FIRST, LONGEST_ASKED]


def test_who_is_told_to_stop_while_a_resource_is_away_stops_in_order(
    live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def publish_never(output: Output) -> str:
        live.interrupt.stopping = True
        raise ResourceUnavailable("away")

    monkeypatch.setattr(live.pipeline["models"], "publish", publish_never)
    with pytest.raises(Stopping):
        publish(live, OUTPUTS)


def test_bytes_that_are_gone_and_a_resource_that_is_gone_are_losses_too(live: Any, tmp_path: Any) -> None:
    (tmp_path / OUTPUTS[0].staging).unlink()
    foreign = Output("removed", "three", "staged", "abc", 3)
    assert [each.location for each in publish(live, (*OUTPUTS, foreign))] == ["one", "three"]
