"""Whether a delivery is from who it says, and from now: signatures of webhooks. Pure; nothing is compared in a time
that tells how much of it was right.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Literal, get_args

Scheme = Literal["standard", "github"]
SCHEMES = get_args(Scheme)
LONGEST_ID = 500  # characters


class Rejected(Exception):
    """The delivery is not taken; `status` is the answer to it."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def checked(scheme: Scheme, secret: str, headers: Mapping[str, str], body: bytes, now: float, window: float) -> str:
    """The id of a delivery whose signature is right; Rejected for all others. Names of headers are in small letters.

    `standard` (standardwebhooks.com): id, time and body are signed, and the time must lie within `window` seconds of
    now. `github`: only the body is signed; a delivery is known again by its id alone, whenever it comes, and who has
    caught one may give it another id.
    """
    if scheme == "github":
        delivery = _given(headers, "x-github-delivery")
        mine = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        theirs = [_given(headers, "x-hub-signature-256").removeprefix("sha256=")]
    else:
        delivery, sent = _given(headers, "webhook-id"), _given(headers, "webhook-timestamp")
        signed = b".".join((delivery.encode(), sent.encode(), body))
        mine = base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()
        theirs = [each.removeprefix("v1,") for each in _given(headers, "webhook-signature").split()]
    if not any(hmac.compare_digest(mine.encode(), each.encode()) for each in theirs):
        raise Rejected(401, "the signature is not right")
    if scheme == "standard":
        _check_time(sent, now, window)
    if len(delivery) > LONGEST_ID:
        raise Rejected(400, f"its id is longer than {LONGEST_ID} characters")
    return delivery


def _given(headers: Mapping[str, str], name: str) -> str:
    found = headers.get(name, "")
    if not found:
        raise Rejected(401, f"there is no header {name}")
    return found


def _check_time(sent: str, now: float, window: float) -> None:
    seconds = float(sent) if sent.isascii() and sent.isdigit() and len(sent) < 20 else float("-inf")
    if abs(now - seconds) > window:
        raise Rejected(401, f"it was not signed within {window:g} s of now: it is a repetition, or a clock is wrong")


def _key(secret: str) -> bytes:
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        return secret.encode()
