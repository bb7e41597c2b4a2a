"""Deliveries to a real node that is killed again and again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import signal
import socket
import threading
import time

import httpx
import pytest
from place import ROOT, Place, rows, wait_for

pytestmark = pytest.mark.timeout(90)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def deliver(port: int, name: str) -> bool:
    """Whether the sender heard that it was taken."""
    body, sent = name.encode(), str(int(time.time()))
    digest = hmac.new(b"s3cret", f"{name}.{sent}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    headers = {"webhook-id": name, "webhook-timestamp": sent, "webhook-signature": signature}
    try:
        return httpx.post(f"http://127.0.0.1:{port}/", content=body, headers=headers, timeout=20).status_code == 200
    except httpx.TransportError:
        return False


def test_what_a_sender_heard_was_taken_is_claimed_once_whoever_is_killed(place: Place) -> None:
    port, place.env["HOOK"] = free_port(), "s3cret"
    place.ctl("start", ROOT / "tests/e2e/hook_pipeline.py", "--", place.root, port)
    place.ready("hooks", "hook")
    names = [f"m{number}" for number in range(150)]

    def send_all(mine: list[str]) -> None:
        for name in mine:
            wait_for(lambda name=name: deliver(port, name), f"{name} is taken")  # type: ignore[misc]

    senders = [threading.Thread(target=send_all, args=(names[first::3],)) for first in range(3)]
    for each in senders:
        each.start()
    for victim in ("hook", "metadata_store", "hook"):
        killed = place.ready("hooks", victim)
        os.kill(killed["pid"], signal.SIGKILL)
        place.ready("hooks", victim, after=killed["incarnation"])
    for each in senders:
        each.join()
    wait_for(lambda: len(place.ask("artifacts", pipeline="hooks", state="old", limit=1000)) == 150, "all are claimed")
    found = place.json("artifacts", "hooks", "--limit", "1000")
    assert sorted(each["location"] for each in found) == sorted(names)
    claimed = rows(place.root / "hook.db", "SELECT value FROM metrics WHERE key = 'claimed'")
    assert sum(each["value"] for each in claimed) == 150
