"""Names of pipelines, nodes and runs for the shell's Tab key: at once or not at all, and never a word of complaint."""

from __future__ import annotations

from typing import Any

import click

TIMEOUT = 0.5  # seconds; a person waits for the key
_RUNS = 20


def pipelines(ctx: click.Context, incomplete: str) -> list[str]:
    """Registered pipelines that begin so."""
    return [each["name"] for each in _known(ctx) if each["name"].startswith(incomplete)]


def targets(ctx: click.Context, incomplete: str) -> list[str]:
    """Registered pipelines; where only one is left, or after the slash, also its nodes."""
    name = incomplete.partition("/")[0]
    known = [each for each in _known(ctx) if each["name"].startswith(name)]
    if len(known) > 1 and "/" not in incomplete:
        return [each["name"] for each in known]
    nodes = [f"{each['name']}/{node['name']}" for each in known for node in each["nodes"]]
    return [each for each in (*(each["name"] for each in known), *nodes) if each.startswith(incomplete)]


def nodes(ctx: click.Context, incomplete: str, kind: str | None = None) -> list[str]:
    """Nodes of the pipeline that stands before them on the line; of one kind, or all."""
    pipeline = _pipeline_before(ctx)
    found = [node for each in _known(ctx) if each["name"] == pipeline for node in each["nodes"]]
    return [each["name"] for each in found if each["name"].startswith(incomplete) and kind in (None, each["kind"])]


def runs(ctx: click.Context, incomplete: str) -> list[tuple[str, str]]:
    """The newest runs of the pipeline that stands before them on the line, and how each ended."""
    pipeline = _pipeline_before(ctx)
    found = _asked(ctx, "runs", {"pipeline": pipeline, "limit": _RUNS}) if pipeline else None
    return [(str(each["id"]), each["state"]) for each in found or [] if str(each["id"]).startswith(incomplete)]


def _pipeline_before(ctx: click.Context) -> str:
    given = ctx.params.get("pipeline") or ctx.params.get("target")
    # With an option that still wants its value, the arguments are not given to their parameters.
    return str(given or next(iter(ctx.args), "")).partition("/")[0]


def _known(ctx: click.Context) -> list[dict[str, Any]]:
    status = _asked(ctx, "status", {})
    return [] if status is None else list(status["pipelines"])


def _asked(ctx: click.Context, command: str, args: dict[str, Any]) -> Any:
    """The daemon's answer; None where there is none."""
    from anacostia_daemon.control.client import Client
    from anacostia_daemon.paths import Home

    try:
        with Client(Home.find(ctx.find_root().params.get("home"))) as client:
            return client.request(command, args, timeout=TIMEOUT)
    except Exception:  # noqa: BLE001  (whatever it is, the person pressed Tab and did not ask)
        return None
