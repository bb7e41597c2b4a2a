"""Follows the daemon's journal over the control socket, line by line and never twice; and what a line means: whether a
node was started again, and for what kind of reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anacostia_daemon.control.client import Client

Line = dict[str, Any]

PAGE = 500  # lines of one answer
MOST_PAGES = 10  # that are read at once: more than a journal of one pipeline keeps
TIMEOUT = 10.0  # seconds

RESTARTED = ("started again at once after: ", "waits ")

# The kinds of reasons, and what the words of each begin with or hold. The first that fits counts.
REASONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("memory", ("out of memory", "memory_limit", "memory limit")),
    ("heartbeat", ("no heartbeat",)),
    ("start_timeout", ("did not become ready",)),
    ("spawn", ("could not be started",)),
    ("fenced", ("gave way to incarnation",)),
    ("timeout", ("did not let go of its task", "it did not let go")),
    ("signal", ("killed by ",)),
    ("exit", ("exited with code",)),
    ("setup", ("setup() of node",)),
)
OTHER = "other"
KINDS = (*(kind for kind, _ in REASONS), OTHER)


class Story:
    """The journal from line `after` on; None: from now on."""

    def __init__(self, client: Client, after: int | None = None) -> None:
        self._client = client
        self._after = after

    def begin(self) -> int:
        """Where it stands: the id of the last line that was read, or lies before the beginning."""
        if self._after is None:
            newest = self._client.request("journal", {"limit": 1}, timeout=TIMEOUT)
            self._after = newest[-1]["id"] if newest else 0
        return self._after

    def read(self) -> list[Line]:
        """The lines that were written since, oldest first; at most MOST_PAGES * PAGE of them."""
        found: list[Line] = []
        for _ in range(MOST_PAGES):
            after = self.begin()
            page = self._client.request("journal", {"after": after, "limit": PAGE}, timeout=TIMEOUT)
            found += page
            if page:
                self._after = page[-1]["id"]
            if len(page) < PAGE:
                break
        return found


def is_restart(line: Line) -> bool:
    """Whether the line says that a node is started again by itself."""
    reason = str(line["reason"])
    return (line["to"] == "starting" and reason.startswith(RESTARTED[0])) or (
        line["to"] == "backoff" and reason.startswith(RESTARTED[1])
    )


def kind_of(reason: str) -> str:
    """What kind of reason these words are."""
    for kind, words in REASONS:
        if any(each in reason for each in words):
            return kind
    return OTHER


def store_is_ready(pipeline: Mapping[str, Any]) -> bool:
    """Whether its metadata store would answer itself; else asking starts a process that reads its files."""
    return any(node["kind"] == "metadata_store" and node["phase"] == "ready" for node in pipeline["nodes"])
