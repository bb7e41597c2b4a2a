"""`resume`: the end of a pause."""

from __future__ import annotations

import click

from anacostia_daemon.ctl.options import target_argument, wait_option
from anacostia_daemon.ctl.reach import Reach, pass_reach


@click.command(name="resume")
@target_argument()
@wait_option
@pass_reach
def command(reach: Reach, target: str, wait: bool) -> None:
    """Let a paused pipeline, or node, go on.

    What has waited meanwhile is taken up at once.
    """
    reach.wish("resume", {"target": target, "wait": wait}, f"resuming '{target}'")
    click.echo(f"resumed '{target}'" if wait else f"resuming '{target}'")
