"""`restart`: new processes for a pipeline or a node; what was interrupted is done again."""

from __future__ import annotations

import click

from anacostia_daemon.ctl.options import target_argument, wait_option
from anacostia_daemon.ctl.reach import Reach, pass_reach


@click.command(name="restart")
@target_argument()
@wait_option
@pass_reach
def command(reach: Reach, target: str, wait: bool) -> None:
    """Stop and start again a pipeline, or one node of it.

    A node whose restarts were spent (`failed`) gets a fresh budget. The task that a restart
    interrupts is executed again.
    """
    reach.wish("restart", {"target": target, "wait": wait}, f"restarting '{target}'")
    click.echo(f"restarted '{target}'" if wait else f"restarting '{target}'")
