"""`stop`: graceful first, then by force; it stays registered, and stopped."""

from __future__ import annotations

import click

from anacostia_daemon.ctl.options import target_argument, wait_option
from anacostia_daemon.ctl.reach import Reach, pass_reach


@click.command(name="stop")
@target_argument()
@wait_option
@pass_reach
def command(reach: Reach, target: str, wait: bool) -> None:
    """Stop a pipeline, successors first, or one node of it.

    Each node gets SIGTERM and its stop_timeout to end, then SIGKILL. It stays registered and stopped, also when the
    daemon or the machine starts anew, until `start`.
    """
    reach.wish("stop", {"target": target, "wait": wait}, f"stopping '{target}'")
    click.echo(f"stopped '{target}'" if wait else f"stopping '{target}'")
