"""Says where the dashboard of a home is: in a line in the home, for whoever wants to open it."""

from __future__ import annotations

import os

from anacostia_daemon.paths import Home
from node_sdk.own_files import open_own


def write_address(home: Home, url: str) -> None:
    """Say where it is."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with os.fdopen(open_own(home.web_address, flags), "w") as file:
        file.write(f"{url}\n")
