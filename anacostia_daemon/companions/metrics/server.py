"""Serves the page over HTTP: GET /metrics, and nothing else. A few clients at a time, each with little patience; with a
token where one is set."""

from __future__ import annotations

import hmac
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

MOST_CLIENTS = 8  # at a time; further ones are turned away
PATIENCE = 5.0  # seconds that a client may take for its request, and for reading the answer


class Server(ThreadingHTTPServer):
    """Listens at `address` from construction on. Raises OSError where it cannot."""

    daemon_threads = True
    request_queue_size = 16

    def __init__(self, address: str, port: int, registry: CollectorRegistry, token: str | None) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.registry, self.token = registry, token
        self._room = threading.BoundedSemaphore(MOST_CLIENTS)
        super().__init__((address, port), Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread could be had
            self._room.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nobody's trouble."""


class Handler(BaseHTTPRequestHandler):
    """One request of one client."""

    server: Server
    timeout = PATIENCE
    server_version = "anacostia"
    sys_version = ""

    def do_GET(self) -> None:
        if not self._may_read():
            self._answer(401, b"a token is needed: Authorization: Bearer TOKEN\n", ("WWW-Authenticate", "Bearer"))
        elif self.path.partition("?")[0] != "/metrics":
            self._answer(404, b"there is only /metrics\n")
        else:
            encoder, content_type = choose_encoder(self.headers.get("Accept", ""))
            self._answer(200, encoder(self.server.registry), ("Content-Type", content_type))

    def _may_read(self) -> bool:
        if self.server.token is None:
            return True
        given = self.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {self.server.token}".encode())

    def _answer(self, code: int, content: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(code)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are not worth a line each."""
