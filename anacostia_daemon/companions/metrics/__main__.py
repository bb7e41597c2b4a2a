"""The metrics server of one daemon, which starts it:  python -m anacostia_daemon.companions.metrics HOME"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from anacostia_daemon.companions.tether import Tether, leave, say
from anacostia_daemon.control.client import Client
from anacostia_daemon.paths import Home

if TYPE_CHECKING:
    from anacostia_daemon.companions.metrics.server import Server
    from anacostia_daemon.companions.metrics.source import Source

WHO = "metrics"


def main(home: str) -> int:
    """Serve until the daemon is gone."""
    tether = Tether()
    try:
        from prometheus_client import CollectorRegistry

        from anacostia_daemon.companions.metrics.server import Server
        from anacostia_daemon.companions.metrics.source import Source
    except ModuleNotFoundError as error:
        say(WHO, f"cannot serve metrics: {error.name} is not installed; pip install 'anacostia-daemon[metrics]'")
        return 2
    address, port = tether.settings["address"], tether.settings["port"]
    registry, source = CollectorRegistry(), Source(Client(Home(home)))
    registry.register(source)
    try:
        server = Server(address, port, registry, _token(tether.settings.get("token_file")))
    except (OSError, ValueError) as error:
        say(WHO, f"cannot serve metrics at {address}, port {port}: {getattr(error, 'strerror', None) or error}")
        return 1
    say(WHO, f"served at http://{f'[{address}]' if ':' in address else address}:{server.server_port}/metrics")
    threading.Thread(target=_serve, args=(source, server), daemon=True).start()
    while tether.wait():
        pass
    leave()
    return 0


def _serve(source: Source, server: Server) -> None:
    source.begin()
    server.serve_forever()


def _token(file: str | None) -> str | None:
    if file is None:
        return None
    try:
        token = Path(file).read_text().strip()
    except OSError as error:
        raise ValueError(f"the daemon's account cannot read {file}: {error.strerror}") from None
    if len(token) < 16 or not token.isascii():
        raise ValueError(f"the token in {file} is to have 16 characters or more, all of them ASCII")
    return token


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
