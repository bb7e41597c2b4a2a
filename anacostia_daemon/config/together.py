"""Keys that are right one by one and do not fit together. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any

from anacostia_daemon.config.problems import Problem
from anacostia_daemon.config.settings import Setting, written

_CHANNELS = ("command", "webhook", "webhook_file", "webhook_variable", "email")
_EITHER = (
    ("webhook", "webhook_file", "webhook_variable"),
    ("smtp_password_file", "smtp_password_variable"),
)


def unfit(settings: Sequence[Setting]) -> Iterator[Problem]:
    """What is wrong with `settings` as a whole."""
    tables: dict[tuple[str, ...], dict[str, Any]] = {}
    for each in settings:
        tables.setdefault(each.path[:-1], {})[each.path[-1]] = each.value
    for path, values in tables.items():
        if path == ("metrics",):
            yield from _metrics(path, values)
        elif path == ("web",):
            yield from _web(path, values)
        elif path[0] == "notify":
            yield from _rule(path, values)


def _metrics(path: tuple[str, ...], values: dict[str, Any]) -> Iterator[Problem]:
    if not ipaddress.ip_address(values["address"]).is_loopback and "token_file" not in values:
        what = "others could read the metrics there; name a token_file, or listen at 127.0.0.1"
        yield Problem(written((*path, "address")), what, (*path, "address"))


def _web(path: tuple[str, ...], values: dict[str, Any]) -> Iterator[Problem]:
    if not ipaddress.ip_address(values["host"]).is_loopback and "token_file" not in values:
        what = "others could stop your pipelines there; name a token_file, or listen at 127.0.0.1"
        yield Problem(written((*path, "host")), what, (*path, "host"))


def _rule(path: tuple[str, ...], values: dict[str, Any]) -> Iterator[Problem]:
    place = written(path, table=True)
    if not any(name in values for name in _CHANNELS):
        yield Problem(place, f"tells nobody: it is to have one of {', '.join(_CHANNELS)}", path)
    for names in _EITHER:
        given = [name for name in names if name in values]
        if len(given) > 1:
            yield Problem(place, f"has {' and '.join(given)}; one of them is enough", path)
    password = any(name in values for name in _EITHER[1])
    if password != ("smtp_user" in values):
        yield Problem(place, "has one of smtp_user and its password; both are needed, or none", path)
    elif password and values["smtp_security"] == "none":
        yield Problem(place, 'would send a password in the clear; smtp_security is to be "starttls" or "tls"', path)
