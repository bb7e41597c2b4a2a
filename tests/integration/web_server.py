"""A web server in a process of its own: `web_server.py`; prints its port, then each request as a line of JSON.

`/status/N` answers with N, `/moved` leads elsewhere, `/dies` closes the connection, `/slow` never answers,
`/once-busy/KEY` answers 503 the first time, everything else 200; the body is JSON.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    busy: set[str] = set()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        heads = {key.lower(): value for key, value in self.headers.items()}
        print(json.dumps({"method": self.command, "path": self.path, "headers": heads, "body": body}), flush=True)
        if self.path == "/dies":
            return self.connection.close()
        if self.path == "/slow":
            threading.Event().wait()
        status = int(self.path.removeprefix("/status/")) if self.path.startswith("/status/") else 200
        if self.path == "/moved":
            status = 302
        if self.path.startswith("/once-busy") and self.path not in self.busy:
            self.busy.add(self.path)
            status = 503
        text = json.dumps({"you": "asked", "path": self.path}).encode()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        return None

    do_GET = do_PUT = do_DELETE = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Nothing but requests is printed."""


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
