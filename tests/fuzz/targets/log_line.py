"""Lines of a node's log: the user's code may write anything."""

from __future__ import annotations

from datetime import datetime

from anacostia_daemon.ctl.logline import time_of

SEEDS = [
    b"2026-11-23 14:25:53,123 INFO train: begins",
    b"2026-11-23T14:25:53.123456+01:00 begins",
    b"2026-11-23T14:25:53Z",
    b"0001-01-01 00:00:00+01:00 is in the year before the first",
    b"9999-12-31 23:59:59-01:00",
    b"Traceback (most recent call last):",
]


def check(data: bytes) -> None:
    at = time_of(data)
    assert at == "" or (at.endswith("Z") and datetime.fromisoformat(at))
