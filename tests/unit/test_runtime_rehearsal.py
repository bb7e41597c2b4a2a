"""What a process that stands by goes through, and what of that may be seen: nothing."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from node_sdk import BaseActionNode, Pipeline
from node_sdk.metadata.memory import MemoryMetadataStore
from node_sdk.runtime.launch import MARK_VARIABLE, Launch
from node_sdk.runtime.lines import Lines
from node_sdk.runtime.rehearsal import rehearse
from node_sdk.wire.loader import Load


class Job(BaseActionNode):
    def setup(self) -> None:
        raise AssertionError("code of the user ran in a process that is no node")

    def execute(self) -> bool:
        return True


class Stage:
    """A pipeline, and somebody who stands by for it."""

    def __init__(self, folder: Path) -> None:
        store = MemoryMetadataStore("store")
        self.pipeline = Pipeline([store, Job("job", [store])], name="tiny")
        load = Load(file="tiny.py", cwd="/", socket_dir=str(folder), data_dir=str(folder))
        self.launch = Launch(load=load, pipeline="tiny", node="job")
        self.lines = Lines(self.launch.link, self.launch.endpoint("store"))
        self.caller, self.ear = socket.socketpair()

    def rehearse(self) -> None:
        rehearse(self.pipeline, self.launch, self.lines, self.ear.fileno())

    def close(self) -> None:
        self.lines.daemon.close(0)
        self.lines.store.close()
        self.lines.context.term()
        self.caller.close()
        self.ear.close()


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv(MARK_VARIABLE, "")
    monkeypatch.setattr("node_sdk.runtime.logs.send_output_to", lambda descriptor: None)  # it is pytest's
    made = Stage(tmp_path)
    yield made
    made.close()


def test_a_rehearsal_leaves_nothing_behind(stage: Stage, tmp_path: Path) -> None:
    stage.rehearse()  # what it loads and looks up stays, so it is the second one that is looked at
    descriptors, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    stage.rehearse()
    until = time.monotonic() + 10  # ZeroMQ closes in its own time
    while len(os.listdir("/proc/self/fd")) > descriptors:
        assert time.monotonic() < until, "descriptors stay open"
    assert threading.active_count() == threads
    assert list(tmp_path.iterdir()) == []
    assert os.environ[MARK_VARIABLE] == ""
    assert stage.pipeline["job"]._binding is None
    assert not stage.lines.store.outstanding


def test_who_is_called_meanwhile_goes_no_further(stage: Stage) -> None:
    stage.caller.send(b"become somebody")
    with pytest.raises(InterruptedError):
        stage.rehearse()
