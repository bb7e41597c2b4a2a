"""One process that is forked before it is needed: the next node to be started becomes it, without waiting for a fork,
nor for what every node's process does before it matters which node it is.

Until it is told it is nobody (no mark, no node), and it does not outlive the loader that it waits for.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass

from node_sdk.runtime.launch import Launch
from node_sdk.runtime.lines import Lines
from node_sdk.wire.codec import decode, encode

_SOON, _NOW = b"s", b"n"  # what is told: to be ready, or who to be


@dataclass(frozen=True, slots=True)
class Standby:
    """The process that waits, as its loader holds it."""

    pid: int
    _ear: socket.socket

    def alert(self) -> None:
        """A node has died: its start may be wanted in a moment."""
        with contextlib.suppress(OSError):
            self._ear.send(_SOON, socket.MSG_DONTWAIT)

    def become(self, launch: Launch) -> bool:
        """Have it be the node of `launch` from now on; False where it cannot: it has died."""
        try:
            self._ear.sendall(_NOW + encode(launch))
        except OSError:
            return False
        finally:
            self.close()
        return True

    def close(self) -> None:
        """Tell it nothing, now or ever: it ends. In a forked child: leave it to its loader."""
        self._ear.close()


def stand_by(
    fork: Callable[[Callable[[], None]], int],
    connect: Callable[[], Lines],
    rehearse: Callable[[Lines, int], None],
    be: Callable[[Launch, Lines], None],
) -> Standby:
    """A new one, forked with `fork`. It will `connect`, and `be` what it is told; until then it does `rehearse`, at
    once and whenever it is alerted, as long as nothing is to be heard at the descriptor that is given there. Raises
    OSError where no process can be had."""
    ours, theirs = socket.socketpair()

    def wait() -> None:
        ours.close()
        lines = connect()
        with theirs:
            while True:
                rehearse(lines, theirs.fileno())
                word = theirs.recv(1)
                if word != _SOON:
                    break
            told = theirs.makefile("rb").read()  # to its end: half a message is none
        if word == _NOW and told:
            be(decode(told, Launch), lines)

    try:
        return Standby(fork(wait), ours)
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
