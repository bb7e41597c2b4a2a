"""`reload`: the file is loaded again, and only what is different in it is touched."""

from __future__ import annotations

from typing import Any

import click

from anacostia_daemon.ctl.options import pipeline_argument, wait_option
from anacostia_daemon.ctl.reach import Reach, pass_reach


@click.command(name="reload")
@pipeline_argument()
@wait_option
@pass_reach
def command(reach: Reach, pipeline: str, wait: bool) -> None:
    """Load the file of a running pipeline again.

    Only nodes that were added, removed or changed are touched; the others keep their processes. Changed and removed
    nodes end the task they execute first, within their stop_timeout. A file that cannot be loaded changes nothing.
    """
    click.echo(outcome(reach.wish("reload", {"pipeline": pipeline, "wait": wait}, f"reloading '{pipeline}'")))


def outcome(done: dict[str, Any]) -> str:
    """What a reload did, in a sentence."""
    parts = [f"{word} {', '.join(done[word])}" for word in ("added", "removed") if done[word]]
    if done["changed"]:
        parts.append("changed " + ", ".join(f"{name} ({why})" for name, why in done["changed"].items()))
    if not parts:
        return f"pipeline '{done['pipeline']}': nothing has changed"
    if done["unchanged"]:
        parts.append(f"not touched: {', '.join(done['unchanged'])}")
    return f"reloaded pipeline '{done['pipeline']}': {'; '.join(parts)}"
