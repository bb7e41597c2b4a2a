"""A pipeline at rest whose heartbeats are moments in files: nobody is replaced who lives, and who hangs is."""

from __future__ import annotations

import os
import signal
import time

from gated import Gated, kill, start_daemon
from place import Place, wait_for

from node_sdk import pulse

NODES = ("job",)  # whose heartbeat_timeout is the one that is given


def beats_in_file(gated: Gated, node: str, after: float) -> float:
    """The moment of the next heartbeat of `node` that is no message and comes after that one."""

    def look() -> float | None:
        seen = pulse.read(gated.place.home.pulse("gated", node))
        return seen.at if seen is not None and seen.at > after else None

    found = wait_for(look, f"a heartbeat of {node} in its file")
    assert found is not None
    return found


def test_a_node_at_rest_is_left_alone_by_this_daemon_and_the_next_and_replaced_when_it_hangs(place: Place) -> None:
    gated = Gated(place, heartbeat_timeout=2.0)
    before = gated.pids()
    now = max(beats_in_file(gated, node, 0.0) for node in NODES)
    for node in NODES:  # longer than the timeout, and without a message
        beats_in_file(gated, node, now + 2.5)
    kill(place.daemon_pid())
    start_daemon(place)
    back = time.monotonic()
    for node in NODES:
        beats_in_file(gated, node, back + 2.5)
    assert gated.pids() == before

    os.kill(before["job"], signal.SIGSTOP)
    wait_for(lambda: place.ready("gated", "job")["pid"] != before["job"], "the node that hangs is replaced")
    assert "job killing: no heartbeat for 2 s" in gated.ends()
    assert {node for node, pid in gated.pids().items() if pid != before[node]} == {"job"}

    place.ctl("stop", "gated")
    assert not list(place.home.socket_dir.glob("gated/*.pulse"))
    gated.witness.end()
