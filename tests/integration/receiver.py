"""Servers that take notices, each run as a process of its own:  receiver.py http|smtp|otlp FILE [CODE…]

Each line that it appends to FILE is the JSON of one thing that was received; its first line of output is its port.
A web server answers with the CODEs in turn, the last for ever (default 200).
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any


def main(kind: str, file: str, *codes: str) -> None:
    path = Path(file)

    def keep(received: dict[str, Any]) -> None:
        with path.open("a") as stream:
            stream.write(json.dumps(received) + "\n")

    if kind == "http":
        serve_http(keep, json.loads, [int(code) for code in codes] or [200])
    elif kind == "otlp":
        serve_http(keep, spans, [int(code) for code in codes] or [200])
    else:
        asyncio.run(serve_smtp(keep))


def serve_http(keep: Any, read: Callable[[bytes], Any], codes: list[int]) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            code = codes.pop(0) if len(codes) > 1 else codes[0]
            keep({"path": self.path, "type": self.headers["Content-Type"], "code": code, "body": read(body)})
            self.send_response(code)
            if 300 <= code < 400:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


def spans(body: bytes) -> list[dict[str, Any]]:
    """What a request of OTLP over HTTP carries, in few words."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest.FromString(body)
    return [
        {
            "name": span.name,
            "trace": span.trace_id.hex(),
            "id": span.span_id.hex(),
            "parent": span.parent_span_id.hex(),
            "links": [link.span_id.hex() for link in span.links],
            "error": span.status.code == 2,
            "message": span.status.message,
            "seconds": (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
        }
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


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
