"""`pause`: the processes stay, and take up no new work."""

from __future__ import annotations

import click

from anacostia_daemon.ctl.options import target_argument, wait_option
from anacostia_daemon.ctl.reach import Reach, pass_reach


@click.command(name="pause")
@target_argument()
@wait_option
@pass_reach
def command(reach: Reach, target: str, wait: bool) -> None:
    """Let a pipeline, or one node of it, take up no new work.

    What a node does now it does to its end; its process stays. `resume` lets it go on.
    """
    reach.wish("pause", {"target": target, "wait": wait}, f"pausing '{target}'")
    click.echo(f"paused '{target}'" if wait else f"pausing '{target}'")
