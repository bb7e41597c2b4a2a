"""One process that is forked before it is needed: the next node to be started becomes it, without waiting for a fork,
nor for what every node's process does before it matters which node it is.

Until it is told it is nobody (no mark, no node), and it does not outlive the loader that it waits for.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

from node_sdk.runtime.launch import Launch
from node_sdk.runtime.lines import Lines
from node_sdk.wire.codec import decode, encode


@dataclass(frozen=True, slots=True)
class Standby:
    """The process that waits, as its loader holds it."""

    pid: int
    _ear: socket.socket

    def become(self, launch: Launch) -> bool:
        """Have it be the node of `launch` from now on; False where it cannot: it has died."""
        try:
            self._ear.sendall(encode(launch))
        except OSError:
            return False
        finally:
            self.close()
        return True

    def close(self) -> None:
        """Tell it nothing, now or ever: it ends. In a forked child: leave it to its loader."""
        self._ear.close()


def stand_by(
    fork: Callable[[Callable[[], None]], int], prepare: Callable[[int], Lines], be: Callable[[Launch, Lines], None]
) -> Standby:
    """A new one, forked with `fork`; it will `be` what it is told. What it can do before that, `prepare` does; the
    descriptor that it is given is readable once the process is told. Raises OSError where no process can be had."""
    ours, theirs = socket.socketpair()

    def wait() -> None:
        ours.close()
        connected = prepare(theirs.fileno())
        with theirs, theirs.makefile("rb") as stream:
            told = stream.read()  # to its end: half a message is none
        if told:
            be(decode(told, Launch), connected)

    try:
        return Standby(fork(wait), ours)
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
