"""What systemd is told, over real sockets, and how what it says is understood."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from anacostia_daemon.core.plan import longest_stop
from anacostia_daemon.service.aftermath import may_live_on
from anacostia_daemon.service.journald import is_journal, prefixed
from anacostia_daemon.service.notify import Notifier, address, reloading, watchdog
from anacostia_daemon.service.sentence import sentence
from anacostia_daemon.supervisor.announcing import READY_WITHIN, STATUS_EVERY, Announcer
from anacostia_daemon.supervisor.loop import Loop
from anacostia_daemon.supervisor.pipeline import level_of
from node_sdk.graph import GraphSpec, NodeSpec


class Manager:
    """Who listens at NOTIFY_SOCKET."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind("\0" + name[1:] if name.startswith("@") else name)

    def heard(self) -> list[dict[str, str]]:
        """All messages since the last look."""
        found = []
        while True:
            try:
                text = self.socket.recv(65536).decode()
            except BlockingIOError:
                return found
            found.append(dict(line.split("=", 1) for line in text.split("\n")))


@pytest.fixture
def told(manager: Manager) -> Iterator[Notifier]:
    made = Notifier({"NOTIFY_SOCKET": manager.name})
    yield made
    made.close()


@pytest.fixture
def machines(manager: Manager) -> Iterator[Callable[..., Machine]]:
    made: list[Machine] = []

    def machine(watchdog: float | None = None) -> Machine:
        made.append(Machine(manager, watchdog))
        return made[-1]

    yield machine
    for each in made:
        each.notifier.close()
        each.loop.close()


@pytest.fixture
def manager(short: Path) -> Iterator[Manager]:
    made = Manager(str(short / "notify"))
    yield made
    made.socket.close()


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Machine:
    """An announcer with its loop, whose time is ours."""

    def __init__(self, manager: Manager, watchdog: float | None = None) -> None:
        self.clock = Clock()
        self.loop = Loop(self.clock)
        self.members: dict[str, Any] = {}
        environ = {"NOTIFY_SOCKET": manager.name}
        if watchdog is not None:
            environ["WATCHDOG_USEC"] = str(round(watchdog * 1e6))
        self.notifier = Notifier(environ)
        self.announcer = Announcer(self.loop, self.notifier, self.members)

    def add(self, name: str, settled: bool = True, **phases: str) -> Any:
        nodes = {node: SimpleNamespace(state=SimpleNamespace(phase=phase)) for node, phase in phases.items()}
        specs = tuple(node_spec(node, stop_timeout=40.0) for node in phases)
        pipeline = SimpleNamespace(name=name, settled=settled, nodes=nodes, graph=GraphSpec(name=name, nodes=specs))
        self.members[name] = SimpleNamespace(pipeline=pipeline)
        return pipeline

    def passes(self, seconds: float) -> None:
        self.clock.now += seconds
        self.loop.turn(0)


Machines = Callable[..., Machine]


def node_spec(name: str, *predecessors: str, stop_timeout: float = 10.0) -> NodeSpec:
    return NodeSpec(
        name=name, kind="action", type="T", base_type="B", predecessors=predecessors, stop_timeout=stop_timeout
    )


# ---- the protocol


@pytest.mark.parametrize("abstract", [False, True])
def test_each_message_is_one_datagram_at_a_path_or_in_the_abstract_namespace(short: Path, abstract: bool) -> None:
    manager = Manager(f"@anacostia-{uuid.uuid4()}" if abstract else str(short / "notify"))

    notifier = Notifier({"NOTIFY_SOCKET": manager.name})
    assert notifier.tell(READY="1", STATUS="all is well\nreally")

    assert manager.heard() == [{"READY": "1", "STATUS": "all is well really"}]
    notifier.close()
    manager.socket.close()


def test_without_a_service_manager_nothing_is_told_and_nothing_fails() -> None:
    notifier = Notifier({})

    assert not notifier.heard
    assert notifier.tell(READY="1")


@pytest.mark.parametrize("text", ["", "@", "notify", "vsock:2:1234"])
def test_an_address_that_is_none_of_a_unix_socket_is_nobody(text: str) -> None:
    assert address(text) is None


def test_what_a_busy_manager_could_not_take_goes_with_the_next_message(manager: Manager, told: Notifier) -> None:
    taken = 0
    while told.tell(WATCHDOG="1"):
        taken += 1
    assert not told.tell(READY="1", STATUS="old")
    assert len(manager.heard()) == taken

    assert told.tell(STATUS="new")

    assert manager.heard() == [{"WATCHDOG": "1", "READY": "1", "STATUS": "new"}]


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "3000000"}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_ours_only_where_it_names_us(environ: dict[str, str], seconds: float | None) -> None:
    assert watchdog(environ, 7) == seconds


def test_a_reload_says_when_it_began() -> None:
    assert reloading(12.5) == {"RELOADING": "1", "MONOTONIC_USEC": "12500000"}


# ---- the announcer


def test_ready_is_said_once_it_is_known_what_lives(manager: Manager, machines: Machines) -> None:
    machine = machines()
    pipeline = machine.add("digits", settled=False, train="down")
    machine.announcer.look()
    assert manager.heard() == []

    pipeline.settled = True
    machine.announcer.look()
    machine.announcer.look()

    assert manager.heard() == [{"READY": "1", "STATUS": "1 pipeline, 1 node down"}]


def test_what_cannot_be_cleared_does_not_hold_up_the_start_for_ever(manager: Manager, machines: Machines) -> None:
    machine = machines()
    machine.add("digits", settled=False, train="down")

    machine.passes(READY_WITHIN)

    assert [each.get("READY") for each in manager.heard()] == ["1"]


def test_the_sentence_is_said_when_it_has_changed_and_not_more_often_than_it_can_be_read(
    manager: Manager, machines: Machines
) -> None:
    machine = machines()
    pipeline = machine.add("digits", train="starting")
    machine.announcer.look()
    manager.heard()
    for phase in ("ready", "backoff", "failed"):
        pipeline.nodes["train"].state.phase = phase
        machine.announcer.look()
    assert manager.heard() == []

    machine.passes(STATUS_EVERY)
    machine.announcer.look()
    machine.passes(STATUS_EVERY)

    assert manager.heard() == [{"STATUS": "1 pipeline, 1 node failed (digits/train)"}]


def test_the_watchdog_hears_of_each_half_of_its_patience_and_only_while_the_loop_turns(
    manager: Manager, machines: Machines
) -> None:
    machine = machines(watchdog=4.0)
    assert manager.heard() == [{"WATCHDOG": "1"}]

    machine.passes(2.0)
    assert manager.heard() == [{"WATCHDOG": "1"}]
    machine.clock.now += 60  # a loop that does not turn says nothing
    assert manager.heard() == []


def test_stopping_asks_for_the_time_that_the_nodes_may_take(manager: Manager, machines: Machines) -> None:
    machine = machines()
    machine.add("digits", train="ready")

    machine.announcer.stopping("the daemon got SIGTERM")

    (said,) = manager.heard()
    assert said["STOPPING"] == "1"
    assert said["STATUS"] == "shutting down (the daemon got SIGTERM): 1 pipeline, 1 node ready"
    assert 40e6 < int(said["EXTEND_TIMEOUT_USEC"]) < 90e6


def test_a_daemon_that_is_told_to_end_before_it_is_ready_never_says_that_it_is(
    manager: Manager, machines: Machines
) -> None:
    machine = machines()
    pipeline = machine.add("digits", settled=False, train="down")
    machine.announcer.stopping("the daemon got SIGTERM")
    pipeline.settled = True

    machine.announcer.look()

    assert [each.get("READY") for each in manager.heard()] == [None]


def test_a_reload_is_framed_and_ends_also_where_reading_fails(manager: Manager, machines: Machines) -> None:
    machine = machines()
    machine.announcer.look()
    manager.heard()

    def fails() -> None:
        raise OSError("no such file")

    with pytest.raises(OSError, match="no such file"):
        machine.announcer.reload(fails)

    began, ended = manager.heard()
    assert began["RELOADING"] == "1"
    assert int(began["MONOTONIC_USEC"]) > 0
    assert ended["READY"] == "1"


def test_a_hangup_during_shutdown_changes_nothing(manager: Manager, machines: Machines) -> None:
    machine = machines()
    machine.announcer.look()
    machine.announcer.stopping("shut down by a user")
    manager.heard()

    machine.announcer.reload(lambda: pytest.fail("it read the configuration"))

    assert manager.heard() == []


def test_what_could_not_be_said_is_said_later_without_being_asked_for(
    manager: Manager, machines: Machines, told: Notifier
) -> None:
    machine = machines()
    while told.tell(STATUS="noise"):
        pass
    machine.announcer.look()
    manager.heard()

    machine.passes(0.1)

    assert {"READY": "1", "STATUS": "no pipelines"} in manager.heard()


# ---- words and levels


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([], "1 pipeline"),
        ([("a", "x", "ready")], "1 pipeline, 1 node ready"),
        ([("a", "x", "ready"), ("a", "y", "ready"), ("a", "z", "failed")], "1 pipeline, 2 nodes ready, 1 failed (a/z)"),
        (
            [("a", "x", "killing"), ("a", "y", "backoff")],
            "1 pipeline, 1 node being killed, 1 waiting to be restarted (a/y)",
        ),
        ([("a", str(n), "failed") for n in range(5)], "1 pipeline, 5 nodes failed (a/0, a/1, a/2 and 2 more)"),
    ],
)
def test_the_sentence_counts_and_names_who_is_in_trouble(nodes: list[tuple[str, str, str]], said: str) -> None:
    assert sentence(nodes, 1) == said


def test_each_line_carries_its_level_so_that_a_traceback_is_not_torn() -> None:
    assert prefixed("cannot go on:\n  File x", "error") == "<3>cannot go on:\n<3>  File x\n"
    assert prefixed("", "info") == "<6>\n"


def test_only_the_very_stream_that_systemd_named_is_the_journal(tmp_path: Path) -> None:
    with (tmp_path / "a").open("w") as one, (tmp_path / "b").open("w") as other:
        found = os.fstat(one.fileno())
        environ = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        assert is_journal(one.fileno(), environ)
        assert not is_journal(other.fileno(), environ)
        assert not is_journal(one.fileno(), {})
    assert not is_journal(987654, environ)


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [
        ("ready", "killing", "warning"),
        ("starting", "killing", "warning"),
        ("stopping", "killing", "info"),
        ("killing", "backoff", "warning"),
        ("killing", "failed", "error"),
        ("starting", "ready", "info"),
    ],
)
def test_a_node_that_ends_unasked_is_a_warning_and_one_that_is_given_up_an_error(
    before: str, after: str, level: str
) -> None:
    assert level_of(cast(Any, SimpleNamespace(from_=before, to=after))) == level


def test_the_longest_stop_follows_the_edges() -> None:
    nodes = (node_spec("s"), node_spec("a", "s", stop_timeout=5), node_spec("b", "s"), node_spec("c", "a", "b"))

    assert longest_stop(GraphSpec(name="g", nodes=nodes)) == 30.0
    assert longest_stop(GraphSpec(name="g", nodes=())) == 0.0


# ---- what the end of the daemon means


@pytest.mark.parametrize(
    ("result", "code", "status", "lock", "live_on"),
    [
        ("signal", "killed", "KILL", "17", True),  # it crashed
        ("watchdog", "dumped", "ABRT", "17", True),
        ("exit-code", "exited", "1", "17", True),
        ("timeout", "dumped", "ABRT", "17", True),  # it took too long to start
        ("success", "exited", "0", "", True),  # it has stopped them all, or left them on purpose
        ("success", "killed", "TERM", "17", False),  # told to end before it could listen
        ("timeout", "killed", "KILL", "17", False),  # told to end, it hung
        ("signal", "killed", "KILL", "17 stopping", False),  # killed while it was stopping its nodes
        ("watchdog", "dumped", "ABRT", "17 stopping", False),
    ],
)
def test_nodes_outlive_a_crash_and_not_a_stop(result: str, code: str, status: str, lock: str, live_on: bool) -> None:
    environ = {"SERVICE_RESULT": result, "EXIT_CODE": code, "EXIT_STATUS": status}

    assert may_live_on(environ, lock) is live_on


def test_whoever_asks_by_hand_means_it() -> None:
    assert not may_live_on({}, "17")
