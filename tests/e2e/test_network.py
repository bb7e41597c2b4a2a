"""Nothing of a running pipeline listens on a network."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from place import ROOT, Place

FAMILIES = ("tcp", "tcp6", "udp", "udp6", "udplite", "raw", "raw6", "sctp/eps")

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux: reads /proc/net")


def sockets_of(pid: int) -> set[str]:
    """The inodes of the sockets that a process has open."""
    found = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found |= set(re.findall(r"socket:\[(\d+)\]", os.readlink(each)))
    return found


def on_a_network(pid: int) -> dict[str, str]:
    """Its sockets, listening or not, in any family of a network: inode to line."""
    ours, found = sockets_of(pid), {}
    for family in FAMILIES:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/net/{family}").read_text().splitlines()[1:]:
                inode = line.split()[9]
                if inode in ours:
                    found[inode] = f"{family}: {line}"
    return found


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock


def test_no_process_of_a_pipeline_at_work_has_a_socket_on_a_network(place: Place, listener: socket.socket) -> None:
    assert on_a_network(os.getpid()), "the test sees what it looks for"
    place.ctl("start", ROOT / "examples/haiku/pipeline.py", "--", place.root)
    place.write("haikus/1.txt", "an old silent pond\n")
    place.run_ended("haiku", 1)

    processes = place.processes()
    assert len(processes) >= 5  # daemon, loader, store, resource, action
    assert all(sockets_of(each.pid) for each in processes)
    assert {each.pid: found for each in processes if (found := on_a_network(each.pid))} == {}
