"""A stopped node is replaced: the supervisor kills the old process before a new one begins, and the run goes on.

What holds where the old process can not be killed stands in tests/integration/test_fencing.py.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from gated import Gated, lives
from place import Place, rows


@pytest.fixture
def gated(place: Place) -> Iterator[Gated]:
    made = Gated(place, heartbeat_timeout=1.0)
    yield made
    made.witness.end()


def test_a_node_stopped_in_execute_is_killed_and_replaced_and_its_run_goes_on(gated: Gated) -> None:
    gated.drop(1)
    stopped = gated.executing(1)
    os.kill(stopped, signal.SIGSTOP)

    replacement = gated.executing(1, attempt=2)
    assert not lives(stopped)
    gated.let_go(1, attempt=2)
    run = gated.place.run_ended("gated", 1)

    assert {each["node"]: each["attempts"] for each in run["tasks"]}["job"] == 2
    assert gated.place.node("gated", "job")["pid"] == replacement
    assert gated.place.node("gated", "job")["restarts"] == 1
    assert "job killing: no heartbeat for 1 s" in gated.ends()
    assert [(each["value"], each["attempt"]) for each in rows(gated.database, "select * from metrics")] == [(2.0, 2)]
    assert (gated.place.root / "models/model.txt").read_text() == "of run 1, attempt 2\n"


def test_a_stopped_node_can_be_stopped_for_good(gated: Gated) -> None:
    """SIGTERM reaches it when it wakes, which it never does; SIGKILL does not wait for that."""
    gated.drop(1)
    stopped = gated.executing(1)
    os.kill(stopped, signal.SIGSTOP)

    gated.place.ctl("stop", "gated/job")

    assert not lives(stopped)
    assert gated.place.node("gated", "job")["phase"] == "down"
    gated.place.ctl("start", "gated/job")
    gated.let_go(1, attempt=2)
    gated.place.run_ended("gated", 1)


@pytest.mark.parametrize("node", ["metadata_store", "inbox", "after"])
def test_a_node_stopped_while_it_waits_is_replaced_too(place: Place, node: str) -> None:
    place.write("pipeline.py", PATIENT)
    place.ctl("start", "pipeline.py", "--", place.root)
    stopped = place.node("patient", node)["pid"]
    os.kill(stopped, signal.SIGSTOP)

    place.ready("patient", node, after=1)

    assert not lives(stopped)
    place.write("inbox/a.txt", "a")
    place.run_ended("patient", 1)


PATIENT = """
import sys
from node_sdk import BaseActionNode, BaseNode, Pipeline
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode

BaseNode.heartbeat_timeout = 1.0

class After(BaseActionNode):
    def execute(self, *args, **kwargs):
        return True

store = SqliteMetadataStore("metadata_store", f"sqlite:///{sys.argv[1]}/metadata.db")
inbox = FilesystemStoreNode("inbox", f"{sys.argv[1]}/inbox", store)
pipeline = Pipeline([store, inbox, After("after", [inbox])], name="patient")
"""
