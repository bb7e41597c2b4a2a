"""A port in front of a server that a test can shut: connections are refused, cut, answered with HTML, or passed on."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

HTML = b"<!DOCTYPE html><title>Sign in</title>"


class Valve:
    """At `url`, in front of `port` at 127.0.0.1. Shut at first."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def open(self, *, html: bool = False) -> None:
        """Pass on; or answer whatever is asked with a page."""
        self.shut()
        listener = self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(listener, html), daemon=True).start()

    def shut(self) -> None:
        """Nobody is there any more; whoever is connected is cut off."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket, html: bool) -> None:
        with contextlib.suppress(OSError):
            while True:
                incoming, _ = listener.accept()
                threading.Thread(target=self._page if html else self._pass, args=(incoming,), daemon=True).start()

    def _page(self, incoming: socket.socket) -> None:
        with incoming, contextlib.suppress(OSError):
            incoming.recv(65536)
            incoming.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n" + HTML)

    def _pass(self, incoming: socket.socket) -> None:
        with incoming, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._target)) as outgoing:
            self._open |= {incoming, outgoing}
            back = threading.Thread(target=_copy, args=(outgoing, incoming), daemon=True)
            back.start()
            _copy(incoming, outgoing)
            back.join()
            self._open -= {incoming, outgoing}


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := source.recv(65536):
            target.sendall(block)
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextmanager
def valve(port: int) -> Iterator[Valve]:
    """A valve, shut at the end."""
    made = Valve(port)
    try:
        yield made
    finally:
        made.shut()
