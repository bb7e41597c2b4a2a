"""Heartbeats that are no messages: what a node at rest writes, when it does, and what the daemon makes of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import zmq
from test_runtime_link import Daemon

from anacostia_daemon.core.events import Beat as BeatEvent
from anacostia_daemon.core.events import Deadline, Found
from anacostia_daemon.core.node import NodeState, new_node, step
from anacostia_daemon.supervisor.hearing import Hearing
from node_sdk import pulse
from node_sdk.graph import NodeSpec
from node_sdk.pulse import Pulse, Seen
from node_sdk.runtime.lines import DaemonLine
from node_sdk.runtime.link import IN_FULL_FIRST, Link

SPEC = NodeSpec(name="n", kind="action", type="N", base_type="B")  # heartbeat_timeout: 30 s


def eventually(holds: Callable[[], Any], what: str) -> Any:
    until = time.monotonic() + 10
    while not (found := holds()):
        assert time.monotonic() < until, f"never: {what}"
        time.sleep(0.005)
    return found


# ---- the file


def test_what_was_written_last_is_read(tmp_path: Path) -> None:
    now = [7.5]
    mine = Pulse(tmp_path / "n.pulse", 3, lambda: now[0])
    assert mine.beat(False) and pulse.read(tmp_path / "n.pulse") == Seen(3, False, 7.5)
    now[0] = 22.25
    assert mine.beat(True) and pulse.read(tmp_path / "n.pulse") == Seen(3, True, 22.25)
    mine.close()
    assert Pulse(tmp_path / "n.pulse", 4, lambda: 30.0).beat(True)  # the next incarnation
    assert pulse.read(tmp_path / "n.pulse") == Seen(4, True, 30.0)


def test_where_nothing_can_be_written_it_is_to_be_said_in_another_way(tmp_path: Path) -> None:
    assert not Pulse(tmp_path / "gone" / "n.pulse", 3).beat(True)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert not Pulse(tmp_path / "link", 3).beat(True)
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_somebody_removes_is_made_anew(tmp_path: Path) -> None:
    mine = Pulse(tmp_path / "n.pulse", 3, lambda: 7.5)
    assert mine.beat(True)
    (tmp_path / "n.pulse").unlink()
    assert mine.beat(True) and pulse.read(tmp_path / "n.pulse") == Seen(3, True, 7.5)


@pytest.mark.parametrize("content", [None, b"", b"\0" * 23])
def test_a_file_that_says_nothing_is_nobody(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "n.pulse").write_bytes(content)
    assert pulse.read(tmp_path / "n.pulse") is None


# ---- the node


class Node:
    """A link whose heartbeats come every 30 ms, and the daemon that it reaches."""

    def __init__(self, folder: Path) -> None:
        self.endpoint, self.file = f"ipc://{folder}/link.sock", folder / "n.pulse"
        self.daemon = Daemon(self.endpoint)
        self.link = Link(
            DaemonLine(self.endpoint),
            pipeline="p",
            node="n",
            incarnation=1,
            heartbeat_timeout=0.09,
            pulse=Pulse(self.file, 1),
        )
        self.link._busy_since = None  # its main thread waits for something to do
        self.link.start()
        self.link.work("idle")
        self.link.ready()

    def rests(self) -> None:
        """From here on there are no messages."""
        while self.daemon.socket.poll(1000) and not self.file.exists():
            self.daemon.beat()
        while self.daemon.socket.poll(0):
            self.daemon.beat()
        self.beats(2)

    def beats(self, times: int) -> None:
        """So many heartbeats come in the file."""
        for _ in range(times):
            seen = pulse.read(self.file)
            eventually(lambda seen=seen: pulse.read(self.file) not in (None, seen), "a heartbeat in the file")

    def messages(self) -> int:
        return sum(1 for _ in iter(lambda: self.daemon.socket.poll(0) and self.daemon.beat(), 0))

    def close(self) -> None:
        self.link.close()
        self.daemon.end()


@pytest.fixture
def node(tmp_path: Path) -> Any:
    made = Node(tmp_path)
    yield made
    made.close()


def test_a_node_at_rest_says_it_a_few_times_and_then_sends_nothing(node: Node) -> None:
    node.rests()
    node.beats(5)
    assert node.messages() == 0
    seen = pulse.read(node.file)
    assert seen is not None and (seen.incarnation, seen.ready) == (1, True)
    assert abs(time.monotonic() - seen.at) < 5


def test_other_work_is_said_and_who_is_at_work_says_each_heartbeat(node: Node) -> None:
    node.rests()
    node.link.work("run 7")
    assert node.daemon.beat().work == "run 7"
    before = pulse.read(node.file)
    for _ in range(3):
        assert node.daemon.beat().work == "run 7"
    assert pulse.read(node.file) == before


def test_a_daemon_that_comes_is_told_in_full_and_more_than_once(node: Node) -> None:
    node.rests()
    node.daemon.end()
    node.daemon = Daemon(node.endpoint)
    assert [node.daemon.beat().ready for _ in range(IN_FULL_FIRST)] == [True] * IN_FULL_FIRST


def test_a_node_that_cannot_write_the_file_sends_messages(tmp_path: Path) -> None:
    (tmp_path / "n.pulse").mkdir()
    node = Node(tmp_path)
    for _ in range(IN_FULL_FIRST + 4):
        node.daemon.beat()
    node.close()


def test_what_could_not_be_sent_is_said_in_full_when_it_can(node: Node) -> None:
    node.rests()

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise zmq.Again

    class Deaf:
        def __init__(self, socket: Any) -> None:
            self.socket = socket

        def __getattr__(self, name: str) -> Any:
            return refuse if name == "send" else getattr(self.socket, name)

    hearing = node.link._line.socket
    node.link._line.socket = Deaf(hearing)  # type: ignore[assignment]
    node.link.work("run 7")
    eventually(lambda: node.link._said == "run 7", "the message is tried")
    node.link._line.socket = hearing
    assert node.daemon.beat().work == "run 7"


# ---- the daemon


def ready(at: float) -> NodeState:
    state, _ = step(new_node(SPEC, 3, orphan=True), Found(3, 42, 1.0, True), at)
    state, _ = step(state, BeatEvent(3, True, "idle"), at)
    return state


def test_what_counts_is_when_it_was_written_and_not_when_it_was_read() -> None:
    state, _ = step(ready(100.0), BeatEvent(3, True, "idle", at=115.0), 130.0)
    assert (state.beat_at, state.deadline) == (115.0, 145.0)
    state, _ = step(state, BeatEvent(3, True, "idle", at=999.0), 140.0)  # nobody lives in the future
    assert (state.beat_at, state.deadline) == (140.0, 170.0)
    state, _ = step(state, BeatEvent(3, True, "idle", at=120.0), 150.0)  # nor dies of what he said before
    assert (state.beat_at, state.deadline) == (140.0, 170.0)
    state, actions = step(state, Deadline(), 170.0)
    assert state.phase == "killing" and actions


class Place:
    """What `Hearing` needs of a pipeline, of which each node is as `states` says."""

    def __init__(self, folder: Path, **states: NodeState) -> None:
        self.fed: list[tuple[str, Any]] = []
        self.heard: list[str] = []
        home = SimpleNamespace(pulse=lambda pipeline, node: folder / f"{node}.pulse")
        self.hearing = Hearing(
            SimpleNamespace(  # type: ignore[arg-type]
                name="p",
                around=SimpleNamespace(home=home),
                nodes={name: SimpleNamespace(state=state) for name, state in states.items()},
                feed=lambda name, event: self.fed.append((name, event)),
                cancelling=SimpleNamespace(heard=self.heard.append),
            )
        )


def test_the_pulses_of_all_nodes_are_felt_at_once_and_only_those_that_are_new(tmp_path: Path) -> None:
    down = new_node(SPEC, 3)
    for name, incarnation, at in (("new", 3, 115.0), ("old", 3, 100.0), ("other", 2, 115.0), ("down", 3, 115.0)):
        Pulse(tmp_path / f"{name}.pulse", incarnation, lambda at=at: at).beat(True)
    running = ready(100.0)
    place = Place(tmp_path, new=running, old=running, other=running, silent=running, down=down)
    place.hearing.feel_pulses()
    assert place.fed == [("new", BeatEvent(3, True, "idle", at=115.0))]
    assert place.heard == ["new"]


def test_a_pulse_is_read_through_no_link(tmp_path: Path) -> None:
    Pulse(tmp_path / "real", 3).beat(True)
    os.symlink(tmp_path / "real", tmp_path / "n.pulse")
    assert pulse.read(tmp_path / "n.pulse") is None
