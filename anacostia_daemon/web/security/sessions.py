"""Who has shown the token: by the header of a program, or by the cookie of a browser, which is signed with the token.
It says until when it is good, and by which name its owner wants to be known. Nothing is kept here. Pure.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

COOKIE = "anacostia_session"
LASTS = 30 * 86400  # seconds
LONGEST_NAME = 64


def is_token(given: str, token: str) -> bool:
    """Whether this is the token; takes as long whatever the difference."""
    return hmac.compare_digest(_digest(given), _digest(token))


def bearer(authorization: str) -> str:
    """The token in the header `Authorization`; empty where there is none."""
    scheme, _, given = authorization.partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""


def make(token: str, name: str, now: float) -> str:
    """The value of a cookie for whoever has just shown `token`."""
    said = base64.urlsafe_b64encode(clean(name).encode()).decode().rstrip("=")
    said = f"{int(now) + LASTS}.{said}"
    return f"{said}.{_sign(token, said)}"


def read(token: str, cookie: str, now: float) -> str | None:
    """The name in a cookie of ours that is still good (it may be empty); None where it is none."""
    said, _, signature = cookie.rpartition(".")
    if not hmac.compare_digest(signature.encode(errors="replace"), _sign(token, said).encode()):
        return None
    until, _, name = said.partition(".")
    if not until.isdecimal() or int(until) <= now:
        return None
    return base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()


def clean(name: str) -> str:
    """A name as the journal may hold it."""
    return "".join(each for each in name.strip() if each.isprintable())[:LONGEST_NAME]


def _sign(token: str, said: str) -> str:
    return hmac.new(b"session:" + token.encode(), said.encode(errors="replace"), hashlib.sha256).hexdigest()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()
