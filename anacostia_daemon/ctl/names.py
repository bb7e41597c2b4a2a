"""Names of pipelines and nodes for the shell's Tab key: at once or not at all, and never a word of complaint."""

from __future__ import annotations

from typing import Any

import click

TIMEOUT = 0.5  # seconds; a person waits for the key


def pipelines(ctx: click.Context, incomplete: str) -> list[str]:
    """Registered pipelines that begin so."""
    return [each["name"] for each in _known(ctx) if each["name"].startswith(incomplete)]


def targets(ctx: click.Context, incomplete: str) -> list[str]:
    """Registered pipelines, and after the slash the nodes of one."""
    name, slash, _node = incomplete.partition("/")
    if not slash:
        return pipelines(ctx, incomplete)
    nodes = [f"{name}/{node['name']}" for each in _known(ctx) if each["name"] == name for node in each["nodes"]]
    return [each for each in nodes if each.startswith(incomplete)]


def _known(ctx: click.Context) -> list[dict[str, Any]]:
    from anacostia_daemon.control.client import Client
    from anacostia_daemon.paths import Home

    try:
        with Client(Home.find(ctx.find_root().params.get("home"))) as client:
            return list(client.request("status", {}, timeout=TIMEOUT)["pipelines"])
    except Exception:  # noqa: BLE001  (whatever it is, the person pressed Tab and did not ask)
        return []
