"""Asks the daemon for what a scrape shows: three questions over the control socket, at most once in a while however
many ask. A daemon that does not answer is a page that says so.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from prometheus_client.core import Metric

from anacostia_daemon.companions.metrics import sample
from anacostia_daemon.companions.story import Story, is_restart, kind_of
from anacostia_daemon.control.client import Client, ControlFailure

TIMEOUT = 5.0  # seconds for each answer of the daemon
FRESH = 1.0  # seconds that a page is good for


class Source:
    """A collector of prometheus-client. `clock` gives monotonic seconds."""

    def __init__(self, client: Client, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._clock = client, clock
        self._story = Story(client)
        self._restarts: Counter[tuple[str, str, str]] = Counter()
        self._lock = threading.Lock()
        self._page: list[Metric] = []
        self._good_until: float | None = None

    def begin(self) -> None:
        """Restarts count from now on."""
        with contextlib.suppress(ControlFailure):  # then from the first scrape on
            self._story.begin()

    def describe(self) -> list[Metric]:
        """What there is, without asking anybody."""
        return sample.nobody()

    def collect(self) -> list[Metric]:
        """The page of now, or of a moment ago."""
        with self._lock:
            if self._good_until is None or self._clock() >= self._good_until:
                self._page = self._ask()
                self._good_until = self._clock() + FRESH
            return self._page

    def _ask(self) -> list[Metric]:
        try:
            for line in self._story.read():
                if is_restart(line):
                    self._restarts[line["pipeline"], line["node"], kind_of(line["reason"])] += 1
            return sample.page(self._request("status"), self._request("figures"), self._restarts)
        except ControlFailure:
            return sample.nobody()

    def _request(self, command: str) -> Any:
        return self._client.request(command, timeout=TIMEOUT)
