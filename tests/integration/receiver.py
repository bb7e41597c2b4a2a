"""Servers that take notices, each run as a process of its own:  receiver.py http|smtp FILE [CODE…]

Each line that it appends to FILE is the JSON of one thing that was received; its first line of output is its port.
A web server answers with the CODEs in turn, the last for ever (default 200).
"""

from __future__ import annotations

import asyncio
import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any


def main(kind: str, file: str, *codes: str) -> None:
    path = Path(file)

    def keep(received: dict[str, Any]) -> None:
        with path.open("a") as stream:
            stream.write(json.dumps(received) + "\n")

    if kind == "http":
        serve_http(keep, [int(code) for code in codes] or [200])
    else:
        asyncio.run(serve_smtp(keep))


def serve_http(keep: Any, codes: list[int]) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            code = codes.pop(0) if len(codes) > 1 else codes[0]
            keep({"path": self.path, "type": self.headers["Content-Type"], "code": code, "body": json.loads(body)})
            self.send_response(code)
            if 300 <= code < 400:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


async def serve_smtp(keep: Any) -> None:
    from aiosmtpd.smtp import SMTP

    class Handler:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            keep({"from": envelope.mail_from, "to": envelope.rcpt_tos, "content": envelope.content.decode()})
            return "250 OK"

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Handler(), hostname="here", loop=loop), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
