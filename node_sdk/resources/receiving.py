"""A small web server for deliveries, in threads of its own: bounded in number and size, and in how long a sender may be
silent. What becomes of a delivery another part decides.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from node_sdk.resources.signing import Rejected

MOST_AT_ONCE = 32  # connections; more are closed unanswered, and senders come again
LONGEST_SILENCE = 10.0  # seconds that a sender may take between two bytes

_LOG = logging.getLogger("anacostia.runtime")

Take = Callable[[dict[str, str], bytes], str]


class Receiver(ThreadingHTTPServer):
    """Listens at `host` and `port` from the first. `take` gets headers (names in small letters) and body of each
    POST to `path`, and returns once that is durable; what it raises as Rejected is the answer. OSError where nobody can
    listen.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, host: str, port: int, path: str, most: int, take: Take) -> None:
        self.path, self.most, self.take = path, most, take
        self._free = threading.BoundedSemaphore(MOST_AT_ONCE)
        super().__init__((host, port), Handler)
        threading.Thread(target=self.serve_forever, name="anacostia-receiver", daemon=True).start()

    def close(self) -> None:
        """Take no more; what is being taken may end."""
        self.shutdown()
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that went away is no trouble of ours; anything else is."""
        if not isinstance(sys.exc_info()[1], OSError):
            _LOG.exception("cannot answer a delivery of %s", client_address[0])


class Handler(BaseHTTPRequestHandler):
    """One request for each connection."""

    server: Receiver
    timeout = LONGEST_SILENCE
    server_version, sys_version = "anacostia", ""

    def do_POST(self) -> None:
        try:
            body = self._body()
            known = self.server.take({name.lower(): value for name, value in self.headers.items()}, body)
        except Rejected as rejected:
            self._answer(rejected.status, str(rejected))
        else:
            self._answer(200, known)

    def _body(self) -> bytes:
        if self.path.partition("?")[0] != self.server.path:
            raise Rejected(404, "there is nothing at this address")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            raise Rejected(411, "say how long it is")
        if len(length) > 15 or int(length) > self.server.most:
            raise Rejected(413, f"it is larger than {self.server.most} bytes")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise Rejected(400, "it is not all there")
        return body

    def _answer(self, status: int, words: str) -> None:
        text = (words + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """What is taken, and what is not, the node logs."""
