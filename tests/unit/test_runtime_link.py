"""A node's link to the daemon, over real sockets."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import zmq

from node_sdk.runtime.lines import DaemonLine
from node_sdk.runtime.link import SOON_OF_RUNS, Link
from node_sdk.wire.codec import decode
from node_sdk.wire.link import Beat, NodeMessage


class Daemon:
    """Its end of the link."""

    def __init__(self, endpoint: str) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(endpoint)

    def beat(self) -> Beat:
        """The next one, within less time than lies between two."""
        assert self.socket.poll(5000), "no beat"
        message = decode(self.socket.recv_multipart()[1], NodeMessage)
        assert isinstance(message, Beat)
        return message

    def end(self) -> None:
        self.socket.close()
        self.context.term()  # waits until its path is free


def test_a_new_daemon_need_not_wait_for_the_next_beat(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/link.sock"
    first = Daemon(endpoint)
    link = Link(DaemonLine(endpoint), pipeline="p", node="n", incarnation=1, heartbeat_timeout=300.0)
    assert link.interval == 10.0
    link.start()
    first.beat()
    link.ready()
    while not first.beat().ready:
        pass
    first.end()
    second = Daemon(endpoint)
    assert second.beat().ready
    second.end()
    link.close()


def test_work_that_is_not_over_soon_is_noticed_whether_a_daemon_lives_or_not(tmp_path: Path) -> None:
    overdue = threading.Event()
    line = DaemonLine(f"ipc://{tmp_path}/link.sock")
    link = Link(line, pipeline="p", node="n", incarnation=1, heartbeat_timeout=300.0, overdue=overdue.set)
    link.start()
    link.work("executing run 1, attempt 1")
    assert overdue.wait(10)
    link.close()


def test_what_moves_in_a_store_is_told_at_once_and_not_each_time(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/link.sock"
    daemon = Daemon(endpoint)
    link = Link(DaemonLine(endpoint), pipeline="p", node="n", incarnation=1, heartbeat_timeout=300.0)
    link.start()
    link.ready()
    while not daemon.beat().ready:
        pass
    began, told = time.monotonic(), 0
    for moves in range(1, 20_000):
        link.runs(0, 0, moves)
    while daemon.beat().moves < 19_999:  # the last word is always said
        told += 1
    assert told <= (time.monotonic() - began) / SOON_OF_RUNS + 1
    link.close()
    daemon.end()
