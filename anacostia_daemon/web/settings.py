"""What the dashboard was configured with, typed; and the token, which is read from its file once. Pure but for that."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHORTEST_TOKEN = 16  # characters


class BadSettings(ValueError):
    """The dashboard cannot be served as it is configured."""


@dataclass(frozen=True)
class Settings:
    """The keys of [web]. `token` is None where nobody is asked for one."""

    host: str = "127.0.0.1"
    port: int = 8420
    token: str | None = None
    read_only: bool = False
    allowed_hosts: tuple[str, ...] = ()

    @property
    def is_loopback(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback

    def url(self, port: int) -> str:
        """The address for a browser on this machine."""
        address = ipaddress.ip_address(self.host)
        host = ("::1" if address.version == 6 else "127.0.0.1") if address.is_unspecified else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def read_settings(given: Mapping[str, Any]) -> Settings:
    """The settings in `given`. Raises BadSettings, OSError."""
    settings = Settings(
        host=given["host"],
        port=given["port"],
        token=_token(given.get("token_file")),
        read_only=given["read_only"],
        allowed_hosts=tuple(given["allowed_hosts"]),
    )
    if settings.token is None and not settings.is_loopback:
        raise BadSettings("without a token_file it listens at this machine's own addresses only")
    return settings


def _token(file: str | None) -> str | None:
    if file is None:
        return None
    token = Path(file).read_text().strip()
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        raise BadSettings(f"the token in {file} is to have {SHORTEST_TOKEN} characters or more, all of them ASCII")
    return token
