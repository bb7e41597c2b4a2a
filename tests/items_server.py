"""An API in a process of its own: `items_server.py`; prints its port. `items_server()` starts it, and ends it.

`/items?page=N` lists two items to a page (`{"data": {"items": […]}, "next": …}` and a Link header), `/items/NAME`
gives one, `/file` a document with ETag and Last-Modified. PUT and DELETE of `/items/NAME` and `/file` change them. PUT
`/fault` has requests go wrong: `{"after": 1, "times": 2, "status": 429, "headers": {…}, "body": "…"}`, or `{"cut": 9}`
(so many bytes, then no more). `/log` tells the requests so far.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

PAGE = 2


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    items: dict[str, dict[str, Any]] = {}
    file: list[bytes] = [b"first"]
    faults: list[dict[str, Any]] = []
    log: list[str] = []

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/log":
            return self._json(self.log)
        self.log.append(f"{self.path} {self.headers.get('If-None-Match', '')} {self.headers.get('Authorization', '')}")
        fault = self.faults.pop(0) if self.faults else {}
        if "status" in fault:
            return self._answer(fault["status"], fault.get("body", "").encode(), fault.get("headers", {}))
        if parts.path == "/items":
            return self._page(int(parse_qs(parts.query).get("page", ["0"])[0]))
        if parts.path == "/file":
            return self._file(fault.get("cut"))
        item = self.items.get(unquote(parts.path.removeprefix("/items/")))
        return self._json(item) if item else self._answer(404, b"", {})

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/fault":
            fault = json.loads(body)
            self.faults[:] = [{}] * fault.pop("after", 0) + [fault] * fault.pop("times", 1)
        elif self.path == "/file":
            self.file[0] = body
        else:
            name = unquote(self.path.removeprefix("/items/"))
            self.items[name] = {"id": name, "body": body.decode()}
        self._answer(204, b"", {})

    def do_DELETE(self) -> None:
        if self.path == "/items":
            self.items.clear()
        self.items.pop(unquote(self.path.removeprefix("/items/")), None)
        self._answer(204, b"", {})

    def _page(self, number: int) -> None:
        names = sorted(self.items)
        there = [self.items[name] for name in names[number * PAGE : (number + 1) * PAGE]]
        more = len(names) > (number + 1) * PAGE
        following = f"/items?page={number + 1}"
        document = {"data": {"items": there}, **({"next": following} if more else {})}
        self._json(document, {"Link": f'<{following}>; rel="next"'} if more else {})

    def _file(self, cut: int | None) -> None:
        body = self.file[0]
        etag = f'"{hashlib.md5(body).hexdigest()}"'
        if self.headers.get("If-None-Match") == etag:
            return self._answer(304, b"", {"ETag": etag})
        headers = {"ETag": etag, "Last-Modified": "Mon, 23 Nov 2026 12:00:00 GMT", "Content-Type": "text/csv"}
        return self._answer(200, body, headers, cut)

    def _json(self, value: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        etag = f'"{hashlib.md5(body).hexdigest()}"'
        if self.headers.get("If-None-Match") == etag:
            return self._answer(304, b"", {"ETag": etag})
        return self._answer(200, body, {"Content-Type": "application/json", "ETag": etag, **(headers or {})})

    def _answer(self, status: int, body: bytes, headers: dict[str, str], cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing but the port is printed."""


@contextmanager
def items_server() -> Iterator[str]:
    """The address of a server that is up."""
    child = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        yield f"http://127.0.0.1:{int(child.stdout.readline())}"
    finally:
        child.kill()
        child.communicate()


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
