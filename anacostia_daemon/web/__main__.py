"""The dashboard of one daemon, which starts it:  python -m anacostia_daemon.web HOME"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
from typing import Any

from anacostia_daemon.companions.tether import Tether, leave, say
from anacostia_daemon.paths import Home
from anacostia_daemon.web.address import write_address
from anacostia_daemon.web.settings import BadSettings, Settings, read_settings

WHO = "web"
_BACKLOG = 256
_PATIENCE = 60_000  # milliseconds that a peer may take nothing of what we send, before the system hangs up


def main(path: str) -> int:
    """Serve until the daemon is gone."""
    tether, home = Tether(), Home(path)
    try:
        from anacostia_daemon.web.serving import serve
    except ModuleNotFoundError as error:
        say(WHO, f"cannot serve the dashboard: {error.name} is not installed; pip install 'anacostia-daemon[web]'")
        return 2
    home.web_address.unlink(missing_ok=True)  # should we not get it, somebody else may answer there
    try:
        settings = read_settings(tether.settings)
        listening = _listen(settings)
    except (OSError, BadSettings) as error:
        where = f"{tether.settings['host']}, port {tether.settings['port']}"
        say(WHO, f"cannot serve the dashboard at {where}: {getattr(error, 'strerror', None) or error}")
        return 1
    url = settings.url(listening.getsockname()[1])
    write_address(home, url)
    say(WHO, f"the dashboard is at {url}")
    if not settings.is_loopback:
        say(WHO, "others can reach it, and what they send is not encrypted: put a proxy with TLS before it")
    asyncio.run(serve(home, settings, listening, lambda heard: _follow(tether, heard)))
    return 0


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # The protocol is named, or asyncio would not take it for TCP, and each answer would wait for an acknowledgement.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # those whom we accept inherit it
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _PATIENCE)
    listening.bind((settings.host, settings.port))
    listening.listen(_BACKLOG)
    return listening


def _follow(tether: Tether, heard: Any) -> None:
    """Pass on what the daemon says, from a thread of its own, and end with it."""

    def follow() -> None:
        while tether.wait():
            heard()
        leave()

    threading.Thread(target=follow, name="tether", daemon=True).start()


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main(sys.argv[1]))
