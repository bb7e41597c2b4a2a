"""By which name we are reached, and from where a request comes: against DNS rebinding and forged requests. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def is_our_name(host: str, allowed: tuple[str, ...]) -> bool:
    """Whether the header `Host` names us. An address always does: only a name can be made to point at us by others."""
    name = _name(host)
    return name is not None and (name == "localhost" or name in map(str.lower, allowed) or _is_address(name))


def trouble(method: str, headers: Mapping[str, str]) -> str:
    """What is wrong with where a request comes from; empty where nothing is. Browsers say where; programs need not."""
    site, mode = headers.get("sec-fetch-site"), headers.get("sec-fetch-mode")
    if site not in (None, "same-origin", "none") and (method not in SAFE_METHODS or mode != "navigate"):
        return "another site asks for it"
    origin = headers.get("origin")
    if origin is not None and method not in SAFE_METHODS and not _same(origin, headers.get("host", "")):
        return "a page of another origin asks for it"
    return ""


def _same(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower() and not parts.path.strip("/")


def _name(host: str) -> str | None:
    """The name or address in HOST or HOST:PORT; None where it is neither."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    if parts.netloc != host or parts.username is not None or not parts.hostname:
        return None
    return parts.hostname.rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
