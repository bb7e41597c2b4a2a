"""`remove`: stop a pipeline and forget it; its data stays."""

from __future__ import annotations

import click

from anacostia_daemon.ctl.options import pipeline_argument
from anacostia_daemon.ctl.reach import Reach, pass_reach
from anacostia_daemon.ctl.text import printable


@click.command(name="remove")
@pipeline_argument()
@pass_reach
def command(reach: Reach, pipeline: str) -> None:
    """Stop a pipeline and forget it.

    Its metadata store, its artifacts and its logs stay where they are.
    """
    removed = reach.wish("remove", {"pipeline": pipeline}, f"removing '{pipeline}'")
    place = removed.get("data") if isinstance(removed, dict) else None
    click.echo(f"removed pipeline '{pipeline}'" + (f"; its logs stay in {printable(str(place))}" if place else ""))
