"""A mail server in a process of its own: `mail_server.py FOLDER [CERTIFICATE KEY USER PASSWORD]`.

Prints its port, keeps each message as FOLDER/N.eml, refuses recipients called `nobody@…`, and ends with its stdin.
With a certificate it takes nothing before STARTTLS and a login.
"""

from __future__ import annotations

import socket
import ssl
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Folder:
    """Keeps what it is sent."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if address.startswith("nobody@"):
            return "550 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        number = len(list(self.path.glob("*.eml"))) + 1
        (self.path / f"{number}.eml").write_bytes(envelope.content)
        return "250 OK"


def settings(words: list[str]) -> dict[str, Any]:
    if not words:
        return {}
    certificate, key, user, password = words
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        right = (given.login, given.password) == (user.encode(), password.encode())
        return AuthResult(success=right, handled=False)  # so that the server says so itself

    return {
        "tls_context": context,
        "require_starttls": True,
        "auth_required": True,
        "authenticator": authenticate,
    }


def main() -> None:
    folder, *words = sys.argv[1:]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(Folder(Path(folder)), hostname="127.0.0.1", port=port, **settings(words))
    controller.start()
    print(port, flush=True)
    sys.stdin.read()
    controller.stop()


if __name__ == "__main__":
    main()
