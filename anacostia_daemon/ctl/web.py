"""Finds the dashboard of a home, and shows it in a browser. Its address is a line in the home; only one where somebody
answers counts, since a daemon that was killed leaves it behind.
"""

from __future__ import annotations

import contextlib
import os
import socket
from urllib.parse import urlsplit

from anacostia_daemon.paths import Home

_PATIENCE = 2.0  # seconds


def address(home: Home) -> str | None:
    """Where the dashboard of this home answers; None where there is none."""
    try:
        found = home.web_address.read_text().strip()
        parts = urlsplit(found)
        socket.create_connection((parts.hostname or "", parts.port or 80), _PATIENCE).close()
    except (OSError, ValueError):
        return None
    return found


def show(url: str) -> None:
    """Open it in the person's browser, where there is one."""
    import webbrowser

    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.uname().sysname == "Darwin":
        with contextlib.suppress(webbrowser.Error):
            webbrowser.open(url)
