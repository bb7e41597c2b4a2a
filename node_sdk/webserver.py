"""A pipeline and its dashboard from one script. The dashboard is the daemon's, in a process of its own; here is only
how a script asks for it.
"""

from __future__ import annotations

import ipaddress
from importlib.util import find_spec

from node_sdk.errors import InvalidValue, NotRunning
from node_sdk.pipeline import Pipeline


def run_background_webserver(pipeline: Pipeline, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Run the pipeline as `pipeline.run()` does, with its dashboard at http://HOST:PORT, until Ctrl-C ends both.

    `host` is an address of this machine, or "localhost"; beyond loopback, ANACOSTIA_WEB_TOKEN_FILE is to name a file
    with a token. Raises InvalidValue for another host or port, NotRunning where the extra `web` is not installed, and
    whatever `pipeline.run()` raises.
    """
    address = "127.0.0.1" if host == "localhost" else host
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise InvalidValue(f"cannot serve the dashboard at host={host!r}: give an address, like '127.0.0.1'") from None
    if type(port) is not int or not 1 <= port <= 65535:
        raise InvalidValue(f"cannot serve the dashboard at port={port!r}: it is a whole number from 1 to 65535")
    if find_spec("fastapi") is None or find_spec("uvicorn") is None:
        raise NotRunning("cannot serve the dashboard: install it with pip install 'anacostia-daemon[web]'")
    pipeline.run_with({"ANACOSTIA_WEB_HOST": address, "ANACOSTIA_WEB_PORT": str(port)})
