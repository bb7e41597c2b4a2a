"""Where the dashboard of a home is: a line in the home, written by the dashboard, read by whoever wants to open it."""

from __future__ import annotations

import os
from pathlib import Path

from anacostia_daemon.paths import Home
from node_sdk.own_files import open_own

NAME = "web-address"


def address_file(home: Home) -> Path:
    return home.path / NAME


def write_address(home: Home, url: str) -> None:
    """Say where it is."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with os.fdopen(open_own(address_file(home), flags), "w") as file:
        file.write(f"{url}\n")
